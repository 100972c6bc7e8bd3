namespace Shop.Demo;

/// <summary>A row of <c>dead_letters</c>, as far as the demo is interested.</summary>
internal sealed record DeadLetterRow(string Consumer, string Type, string EventId, int Attempts, string ExceptionType, string Message);
