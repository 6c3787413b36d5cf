namespace Coordinator.Grains;

/// <summary>Will host the cluster's machine; today it proves that grain classes compile against whichever Orleans is there.</summary>
public sealed class ClusterGrain : Grain, IClusterGrain
{
    /// <inheritdoc/>
    public Task Deliver(string envelopeJson)
    {
        // No machine is hosted yet, and a message to a grain may be lost: dropping it breaks no promise.
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<string?> Describe() => Task.FromResult<string?>(null);
}
