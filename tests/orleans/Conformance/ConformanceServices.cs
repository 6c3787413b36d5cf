using Coordinator.Conformance;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>What the silo under test gives its grains: the real outbox, disturbed as the transcript wants, its storage, its time.</summary>
internal sealed class ConformanceServices : IGrainServices, IDisposable
{
    private readonly Outbox<GrainAddress, GrainMessage> outbox;
    private readonly OrleansWorld world;
    private readonly CancellationTokenSource stopping = new();

    public ConformanceServices(OrleansWorld world, IGrainFactory grains)
    {
        this.world = world;
        Silo = $"silo-{world.Lives}";
        outbox = new Outbox<GrainAddress, GrainMessage>(
            async (to, messages) =>
            {
                foreach (var message in messages)
                {
                    try
                    {
                        await GrainCalls.Deliver(grains, to, message);
                    }
                    catch (Exception)
                    {
                        // Lost, as any message may be.
                    }

                    world.Active();
                }
            },
            (_, _, _) => { },
            window: 64,
            limit: 1000);
        world.Services = this;
    }

    public string Silo { get; }

    public TimeSpan Now => world.Time.GetElapsedTime(0);

    public CancellationToken Stopping => stopping.Token;

    public ICollection<GrainAddress> UnderWay => outbox.Targets;

    /// <summary>From outside: as the gateway would.</summary>
    public void Post(GrainAddress to, GrainMessage message)
    {
        world.Know(to);
        outbox.Send(to, message);
    }

    public async Task<bool> Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        if (!await world.MayWriteAsync(grain, null) || !world.Observe(grain, incarnation))
            return false;
        foreach (var observation in observations)
            world.Storage.Write(grain, observation);
        return true;
    }

    public void Send(NodeId node, CoordinatorMessage message)
    {
        if (!stopping.IsCancellationRequested)
            world.Tell(new Told(node, message));
    }

    public void Send(GrainAddress to, GrainMessage message)
    {
        if (stopping.IsCancellationRequested)
            return;
        world.Know(to);
        world.Carry(() => outbox.Send(to, message));
    }

    public void OnStorageAway(GrainAddress grain, Exception why) => world.Active();

    public void OnGivenUp(GrainAddress grain, Exception why) => world.Active();

    public void Dispose()
    {
        stopping.Cancel();
        outbox.Dispose();
        stopping.Dispose();
    }

    /// <summary>The process is dead: nothing that it says is heard any more.</summary>
    public void Die() => stopping.Cancel();
}
