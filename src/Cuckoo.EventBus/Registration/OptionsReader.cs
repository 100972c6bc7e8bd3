using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Cuckoo.EventBus;

/// <summary>
/// Reads configuration into options objects and keeps every error, with its path: a misspelt key is one too. The usual binder
/// stops at its first error and ignores keys it does not know.
/// </summary>
internal sealed class OptionsReader(List<string> errors)
{
    public void Read(IConfigurationSection section, object target, params ReadOnlySpan<string> except)
    {
        foreach (var child in section.GetChildren())
        {
            if (except.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                continue;
            }

            var property = target.GetType().GetProperty(child.Key, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase);
            if (property is null)
            {
                var known = target.GetType().GetProperties().Select(p => p.Name).Order(StringComparer.Ordinal);
                errors.Add($"{child.Path} is not a setting. Remove it, or correct it to one of: {string.Join(", ", known)}.");
            }
            else
            {
                ReadProperty(child, target, property);
            }
        }
    }

    public static void ReadMap(IConfigurationSection section, IDictionary<string, string> target, params ReadOnlySpan<string> except)
    {
        foreach (var child in section.GetChildren())
        {
            if (!except.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                target[child.Key] = child.Value ?? "";
            }
        }
    }

    public bool TryBool(IConfigurationSection section, bool otherwise)
    {
        if (section.Value is null)
        {
            return otherwise;
        }

        if (bool.TryParse(section.Value, out var value))
        {
            return value;
        }

        errors.Add($"{section.Path} is '{section.Value}'. Set it to true or false.");
        return otherwise;
    }

    private void ReadProperty(IConfigurationSection section, object target, PropertyInfo property)
    {
        var current = property.GetValue(target);
        switch (current)
        {
            case IDictionary<string, TopicOptions> topics:
                foreach (var child in section.GetChildren())
                {
                    Read(child, topics.TryGetValue(child.Key, out var topic) ? topic : topics[child.Key] = new TopicOptions());
                }

                break;
            case not null when property.SetMethod is not { IsPublic: true }:
                Read(section, current);
                break;
            default:
                ReadValue(section, target, property);
                break;
        }
    }

    private void ReadValue(IConfigurationSection section, object target, PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var text = section.Value;
        if (text is null)
        {
            errors.Add($"{section.Path} has no value of its own. Give it one value{Form(type)}.");
            return;
        }

        object? value = type switch
        {
            _ when type == typeof(string) => text,
            _ when type == typeof(bool) => bool.TryParse(text, out var b) ? b : null,
            _ when type == typeof(int) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var i) ? i : null,
            _ when type == typeof(double) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var d) ? d : null,
            _ when type == typeof(short) => short.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var s) ? s : null,
            // "7" would be seven days: a bare number is refused.
            _ when type == typeof(TimeSpan) => text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var t) ? t : null,
            _ when type.IsEnum => Enum.GetNames(type).Contains(text, StringComparer.OrdinalIgnoreCase) ? Enum.Parse(type, text, ignoreCase: true) : null,
            _ => throw new InvalidOperationException($"{property.DeclaringType?.Name}.{property.Name} is of a type that can't be read from configuration."),
        };
        if (value is null)
        {
            errors.Add($"{section.Path} is '{text}'. Set it to a value{Form(type)}.");
            return;
        }

        property.SetValue(target, value);
    }

    private static string Form(Type type) =>
        type == typeof(TimeSpan) ? " of the form [days.]hours:minutes:seconds, as in 00:00:30 or 7.00:00:00"
        : type == typeof(bool) ? ", true or false"
        : type == typeof(int) || type == typeof(short) ? ", a whole number"
        : type == typeof(double) ? ", a number as in 0.5"
        : type.IsEnum ? $", one of: {string.Join(", ", Enum.GetNames(type))}"
        : "";
}
