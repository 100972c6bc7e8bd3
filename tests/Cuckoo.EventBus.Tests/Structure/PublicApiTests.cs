using System.Reflection;

namespace Cuckoo.EventBus.Tests.Structure;

/// <summary>What users see changes only on purpose: then the approved text changes in the same commit.</summary>
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("Cuckoo.EventBus.Abstractions")]
    [InlineData("Cuckoo.EventBus")]
    [InlineData("Cuckoo.EventBus.Testing")]
    public void The_public_members_are_the_approved_ones(string assembly)
    {
        var file = Path.Combine(Sources.Root, "tests", "Cuckoo.EventBus.Tests", "Structure", "Approved", $"{assembly}.txt");
        var actual = PublicApi.Of(Assembly.Load(assembly));
        if (Environment.GetEnvironmentVariable("EVENTBUS_APPROVE") == "1")
        {
            File.WriteAllText(file, actual);
        }

        var approved = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        var added = actual.Split('\n').Except(approved.Split('\n'));
        var removed = approved.Split('\n').Except(actual.Split('\n'));

        Assert.True(
            actual == approved,
            $"The public members of {assembly} changed. If that is meant, run this test with EVENTBUS_APPROVE=1 and commit the text.\n{string.Join('\n', removed.Select(l => "- " + l).Concat(added.Select(l => "+ " + l)))}");
    }
}
