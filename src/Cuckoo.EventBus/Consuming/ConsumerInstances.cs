using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Instances of one consumer class: the scope's own where it knows the class, else new ones. Safe for concurrent use.</summary>
internal sealed class ConsumerInstances(Type consumerType)
{
    private readonly ObjectFactory _create = ActivatorUtilities.CreateFactory(consumerType, []);

    /// <summary>Has an instance do something.</summary>
    public async Task UseAsync<TState>(IServiceProvider services, TState state, Func<object, TState, Task> use)
    {
        if (services.GetService(consumerType) is { } registered)
        {
            await use(registered, state).ConfigureAwait(false);
            return;
        }

        // The scope does not know this instance, so it does not dispose it.
        var consumer = _create(services, null);
        try
        {
            await use(consumer, state).ConfigureAwait(false);
        }
        finally
        {
            switch (consumer)
            {
                case IAsyncDisposable disposable:
                    await disposable.DisposeAsync().ConfigureAwait(false);
                    break;
                case IDisposable disposable:
                    disposable.Dispose();
                    break;
            }
        }
    }
}
