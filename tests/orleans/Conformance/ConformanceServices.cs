using System.Collections.Concurrent;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// What the silo under test gives its grains: the shipping outbox, the transcript's disk and time, and messages that fare as it wants.
/// </summary>
internal sealed class ConformanceServices : IGrainServices, IDisposable
{
    private readonly Outbox<GrainAddress, GrainMessage> outbox;
    private readonly OrleansWorld world;
    private readonly CancellationTokenSource stopping = new();

    public ConformanceServices(OrleansWorld world, IGrainFactory grains)
    {
        this.world = world;
        Silo = $"silo-{world.Lives}";
        Stopping = stopping.Token;
        outbox = new Outbox<GrainAddress, GrainMessage>(
            (to, messages) => Deliver(grains, to, messages), (_, _, _) => { }, window: 64, limit: 1000);
    }

    public string Silo { get; }

    public TimeSpan Now => world.Time.GetElapsedTime(0);

    public CancellationToken Stopping { get; }

    public bool StoresInOrder => world.Disk.StoresInOrder;

    /// <summary>Grains to which something is under way.</summary>
    public ICollection<GrainAddress> UnderWay => outbox.Targets;

    /// <summary>When the gateway heard a node last, though the node's grain may not have.</summary>
    public ConcurrentDictionary<NodeId, (WorkerSession Session, TimeSpan At)> HeardAt { get; } = new();

    public WorkerSaid? LastHeard(NodeId node) =>
        HeardAt.TryGetValue(node, out var heard) ? new WorkerSaid(heard.Session, new Heartbeat(1, [])) { Age = Now - heard.At } : null;

    /// <summary>From outside: as the gateway would.</summary>
    public void Post(GrainAddress to, GrainMessage message)
    {
        world.Sent(message);
        world.Know(to);
        outbox.Send(to, message);
    }

    public Task<bool> Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        foreach (var observation in observations)
            world.Sent(observation);
        return world.Disk.ObserveAsync(grain, incarnation, observations, Stopping);
    }

    public void Send(NodeId node, CoordinatorMessage message)
    {
        world.Sent(message);
        if (!Stopping.IsCancellationRequested)
            world.Tell(new SendToWorker(node, message));
    }

    public void Send(GrainAddress to, GrainMessage message)
    {
        world.Sent(message);
        if (Stopping.IsCancellationRequested)
            return;
        world.Know(to);
        world.Carry(() => outbox.Send(to, message));
    }

    public void OnStorageAway(GrainAddress grain, Exception why) => world.Active();

    public void OnGivenUp(GrainAddress grain, Exception why) => world.Active();

    /// <summary>The process is dead: nothing that it says is heard any more, and nothing that it waits for comes.</summary>
    public void Die() => stopping.Cancel();

    public void Dispose()
    {
        outbox.Dispose();
        stopping.Dispose();
    }

    private async Task Deliver(IGrainFactory grains, GrainAddress to, GrainMessage[] messages)
    {
        try
        {
            await GrainCalls.Deliver(grains, to, messages);
        }
        catch (Exception) when (messages.Length > 0)
        {
            // Lost, as any messages may be; those behind them find another activation.
        }

        world.Active();
    }
}
