using System.Text;

namespace Cuckoo.EventBus.Storage;

/// <summary>Texts from anywhere, such that every table takes them.</summary>
internal static class ErrorText
{
    /// <summary>The length of the tables' error columns.</summary>
    public const int MaxLength = 2000;

    /// <summary>Without U+0000 (PostgreSQL's text refuses it) and broken surrogates, and cut.</summary>
    public static string Storable(string text, int maxLength = MaxLength)
    {
        var clean = new StringBuilder(Math.Min(text.Length, maxLength));
        foreach (var rune in text.EnumerateRunes())
        {
            if (clean.Length + rune.Utf16SequenceLength > maxLength)
            {
                break;
            }

            clean.Append(rune.Value == 0 ? "\uFFFD" : rune.ToString());
        }

        return clean.ToString();
    }
}
