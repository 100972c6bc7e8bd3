using Cuckoo.EventBus;

namespace Samples.Tests.Readme;

internal static class OperatingConsumers
{
    public static async Task ReplayAsync(IDeadLetterAdministration letters)
    {
        var refused = new DeadLetterFilter { Consumer = "charge-order", ExceptionType = "System.Net.Http.HttpRequestException" };
        await foreach (var letter in letters.ListAsync(refused))
        {
            Console.WriteLine($"{letter.Id} {letter.EventType} {letter.Key}: {letter.ExceptionMessage}");
        }

        var result = await letters.ReplayAsync(refused, new DeadLetterReplay { MaxPerSecond = 50 });
        Console.WriteLine($"{result.Decided} run again, {result.Skipped} skipped; the log says why");
    }

    public static async Task DecideAsync(IParkedAdministration parked)
    {
        await foreach (var first in parked.ListAsync(new ParkedFilter { Consumer = "charge-order", IsFirst = true }))
        {
            Console.WriteLine($"{first.Key}: {first.Attempts} attempts, {first.Behind} behind, next at {first.DueAt}: {first.LastError}");
        }

        await parked.RetryAsync(new ParkedFilter { Consumer = "charge-order" });        // now, not when they are due
        await parked.RejectAsync(new ParkedFilter { Key = "order-7", IsFirst = true }, "cancelled by phone");
        await parked.MoveAsync(from: "charge-orders", to: "charge-order");              // after renaming a consumer
    }
}
