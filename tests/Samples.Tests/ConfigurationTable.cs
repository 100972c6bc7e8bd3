using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Cuckoo.EventBus;

namespace Samples.Tests;

/// <summary>README's table of settings, held against the options classes.</summary>
internal static partial class ConfigurationTable
{
    /// <summary>What is configured where, and what a name (NAME) stands for.</summary>
    private static readonly Dictionary<string, object> Sections = new()
    {
        [""] = new EventBusOptions(),
        ["TopicDefaults"] = new TopicOptions(),
        ["Topics:NAME"] = new TopicOptions(),
        ["Relay"] = new RelayOptions(),
        ["Health"] = new HealthOptions(),
        ["Consumers:NAME"] = new ConsumerOptions(),
        ["Consumers:NAME:KillSwitch"] = new KillSwitchOptions(),
        ["Kafka"] = new Dictionary<string, string>(),
        ["Kafka:Producer"] = new Dictionary<string, string>(),
        ["Kafka:Consumer"] = new Dictionary<string, string>(),
    };

    public static IEnumerable<Row> Rows() => Markdown.Read("README.md").Table("path below `EventBus`").Select(cells => new Row(cells[0], cells[1], cells[2]));

    /// <summary>Every setting that the classes have, by its path.</summary>
    public static IEnumerable<string> AllSettings() => Sections.Where(section => section.Value is not IDictionary)
        .SelectMany(section => section.Value.GetType().GetProperties().Where(p => p.SetMethod is { IsPublic: true }).Select(p => PathOf(section.Key, p)));

    private static string PathOf(string section, PropertyInfo property) =>
        // The section's other keys are consumers' names, so the switch for all of them stands beside the section.
        property.Name == nameof(EventBusOptions.ConsumersEnabled) ? "Consumers:Enabled" : Join(section, property.Name);

    private static string Join(string section, string name) => section.Length == 0 ? name : $"{section}:{name}";

    private static (object Section, PropertyInfo Property)? Find(string path) => Sections.SelectMany(section => section.Value.GetType().GetProperties()
        .Where(p => p.SetMethod is { IsPublic: true } && PathOf(section.Key, p) == path)
        .Select(p => ((object, PropertyInfo)?)(section.Value, p))).FirstOrDefault();

    /// <summary>One line of the table: paths, their defaults, remarks.</summary>
    internal sealed record Row(string Paths, string Defaults, string Remarks)
    {
        /// <summary>The paths of its settings. One without a section of its own is in the section of the one before it.</summary>
        public IEnumerable<string> Named()
        {
            var section = "";
            foreach (var path in Code.Matches(Paths).Select(match => match.Groups[1].Value))
            {
                var end = path.LastIndexOf(':');
                section = end < 0 ? section : path[..end];
                var name = path[(end + 1)..];
                foreach (var setting in name == "…" ? Code.Matches(Remarks).Select(match => match.Groups[1].Value) : [name])
                {
                    yield return Join(section, setting);
                }
            }
        }

        public IEnumerable<string> Mistakes()
        {
            if (Code.Matches(Paths).Any(path => path.Groups[1].Value.EndsWith(":…", StringComparison.Ordinal)))
            {
                return WholeSectionMistakes();
            }

            List<string> named = [.. Named()];
            var defaults = Defaults.Replace("`", "", StringComparison.Ordinal).Split(", ");
            return named.SelectMany((path, index) => Mistakes(path, defaults.Length == named.Count ? defaults[index] : defaults[0], defaults[^1]));
        }

        private static IEnumerable<string> Mistakes(string path, string said, string last)
        {
            if (Find(path) is not { } found)
            {
                yield return $"There is no setting {path}.";
                yield break;
            }

            // What has no value of its own takes another one's, which the table says in words.
            var value = found.Property.GetValue(found.Section);
            if (value is not (null or "") && value.ToString() != Parse(said, last, value.GetType())?.ToString())
            {
                yield return $"{path} is {value} by default, not {said}.";
            }
        }

        private IEnumerable<string> WholeSectionMistakes()
        {
            foreach (var section in Code.Matches(Paths).Select(path => path.Groups[1].Value[..^2]))
            {
                if (!Sections.TryGetValue(section, out var options))
                {
                    yield return $"There is no section {section}.";
                }
                else if (options is not IDictionary)
                {
                    foreach (var name in Code.Matches(Remarks).Select(match => match.Groups[1].Value))
                    {
                        if (Find(Join(section, name)) is null && !Enum.TryParse<UnknownEventTypes>(name, out _))
                        {
                            yield return $"There is no setting {section}:{name}.";
                        }
                    }
                }
            }
        }

        /// <summary>Reads a value as the table writes it: 16, 4 MiB, 200 ms, true, `Earliest`. In "7, 30 days" the unit is said once.</summary>
        private static object? Parse(string text, string last, Type type)
        {
            var number = Quantity.Match(text);
            var unit = number.Groups["unit"].Value is { Length: > 0 } own ? own : Quantity.Match(last).Groups["unit"].Value;
            return type switch
            {
                _ when type == typeof(string) => text,
                _ when type == typeof(bool) => bool.TryParse(text, out var value) ? value : null,
                _ when type.IsEnum => Enum.TryParse(type, text, out var value) ? value : null,
                _ when !number.Success => null,
                _ when type == typeof(double) => double.Parse(number.Groups["number"].Value, CultureInfo.InvariantCulture),
                _ when type == typeof(int) => int.Parse(number.Groups["number"].Value, CultureInfo.InvariantCulture) * (number.Groups["unit"].Value == "MiB" ? 1024 * 1024 : 1),
                _ when type == typeof(TimeSpan) => int.Parse(number.Groups["number"].Value, CultureInfo.InvariantCulture) * unit switch
                {
                    "ms" => TimeSpan.FromMilliseconds(1),
                    "s" => TimeSpan.FromSeconds(1),
                    "min" => TimeSpan.FromMinutes(1),
                    "days" => TimeSpan.FromDays(1),
                    _ => TimeSpan.MinValue,
                },
                _ => null,
            };
        }
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code { get; }

    [GeneratedRegex(@"^(?<number>\d+)(?: (?<unit>\w+))?$")]
    private static partial Regex Quantity { get; }
}
