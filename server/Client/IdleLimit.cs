namespace Coordinator.Server.Client;

/// <summary>Cancels when nothing has moved for a time, however long the whole takes.</summary>
internal sealed class IdleLimit : IDisposable
{
    private readonly CancellationTokenSource source;
    private readonly TimeSpan time;

    /// <summary>Begins to wait.</summary>
    public IdleLimit(TimeSpan time, CancellationToken cancel)
    {
        this.time = time;
        source = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Renew();
    }

    /// <summary>Cancelled after the time, or with the caller's.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Something has moved.</summary>
    public void Renew() => source.CancelAfter(time);

    /// <inheritdoc/>
    public void Dispose() => source.Dispose();
}
