using System.Diagnostics.CodeAnalysis;
using Xunit;

namespace Cuckoo.EventBus.TestKit;

/// <summary>What a test needs of the machine.</summary>
public static class Requirement
{
    /// <summary>Set to 1 where everything has to be there: a missing program then fails tests instead of skipping them.</summary>
    public const string StrictVariable = "EVENTBUS_REQUIRE_REAL";

    /// <summary>Ends the test, visibly: skipped with the reason, or failed in strict runs.</summary>
    [DoesNotReturn]
    public static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable(StrictVariable) == "1")
        {
            Assert.Fail($"{reason} ({StrictVariable} is 1)");
        }

        Assert.Skip(reason);
    }
}
