using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Support;

/// <summary>
/// What a test's silo gives its grains: the real outbox between grains, and a record of what would go to workers and stores.
/// </summary>
public sealed class RecordingServices : IGrainServices, IDisposable
{
    private readonly Outbox<GrainAddress, GrainMessage> outbox;
    private readonly long startedAt = Stopwatch.GetTimestamp();
    private readonly Signal changed = new();
    private readonly IObservationStore? events;

    public RecordingServices(string silo, IGrainFactory grains, IObservationStore? events = null)
    {
        Silo = silo;
        this.events = events;
        outbox = new Outbox<GrainAddress, GrainMessage>(
            (to, messages) => GrainCalls.Deliver(grains, to, messages),
            (to, _, why) => Lost.Enqueue($"{to}: {why.Message}"),
            window: 64,
            limit: 1000);
    }

    public string Silo { get; }

    public TimeSpan Now => Stopwatch.GetElapsedTime(startedAt);

    public CancellationToken Stopping => CancellationToken.None;

    /// <summary>The storage of a silo that is alone keeps the order in which it was handed over what is to be stored.</summary>
    public bool StoresInOrder => events is not null;

    public ConcurrentQueue<(NodeId Node, CoordinatorMessage Message)> ToWorkers { get; } = new();

    public ConcurrentQueue<Output> Observed { get; } = new();

    public ConcurrentQueue<string> Lost { get; } = new();

    public ConcurrentQueue<(GrainAddress Grain, Exception Why)> GivenUp { get; } = new();

    public ConcurrentQueue<string> StorageTroubles { get; } = new();

    public void Post(GrainAddress to, GrainMessage message) => outbox.Send(to, message);

    /// <summary>Waits until something that was recorded satisfies; xunit's time limit is the only other way out.</summary>
    public Task Until(Func<RecordingServices, bool> satisfied) => changed.Until(() => satisfied(this));

    Task<bool> IGrainServices.Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        foreach (var observation in observations)
            Observed.Enqueue(observation);
        changed.Notify();
        return events?.StoreAsync(grain, incarnation, observations) ?? Task.FromResult(true);
    }

    void IGrainServices.Send(NodeId node, CoordinatorMessage message)
    {
        ToWorkers.Enqueue((node, message));
        changed.Notify();
    }

    void IGrainServices.Send(GrainAddress to, GrainMessage message) => outbox.Send(to, message);

    void IGrainServices.OnStorageAway(GrainAddress grain, Exception why)
    {
        StorageTroubles.Enqueue($"{grain}: {why.Message}");
        changed.Notify();
    }

    void IGrainServices.OnGivenUp(GrainAddress grain, Exception why)
    {
        GivenUp.Enqueue((grain, why));
        changed.Notify();
    }

    public void Dispose() => outbox.Dispose();
}
