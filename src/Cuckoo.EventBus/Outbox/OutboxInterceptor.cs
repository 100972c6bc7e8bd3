using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Cuckoo.EventBus.Outbox;

internal sealed class OutboxInterceptor : ISaveChangesInterceptor, IDbTransactionInterceptor
{
    public IReadOnlyList<OutboxMessage> Stage(DbContext context, IEnumerable<object> events, PublishOptions? options) => throw new NotImplementedException();
}
