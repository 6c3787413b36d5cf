using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Bench.Limit;

/// <summary>
/// What the silo's grains are given: the product's outbox to each other, no storage, and workers that answer every order at once.
/// </summary>
internal sealed class PlayedWorkers : IGrainServices, IDisposable
{
    private const int Window = 256;

    private static readonly WorkerSession Session = new(1, 1);

    private readonly Outbox<GrainAddress, GrainMessage> outbox;
    private readonly long startedAt = Stopwatch.GetTimestamp();
    private readonly ConcurrentDictionary<JobId, TaskCompletionSource> running = new();
    private int formed;
    private int lost;

    public PlayedWorkers(IGrainFactory grains) => outbox = new Outbox<GrainAddress, GrainMessage>(
        (to, messages) =>
        {
            foreach (var message in messages)
            {
                if (message is NodeReportTaken)
                    Taken.Add();
            }

            return GrainCalls.Deliver(grains, to, messages);
        },
        (_, count, _) => Interlocked.Add(ref lost, count),
        Window,
        int.MaxValue);

    public string Silo => "limit";

    public TimeSpan Now => Stopwatch.GetElapsedTime(startedAt);

    public CancellationToken Stopping => CancellationToken.None;

    /// <summary>Nodes' reports that the cluster has taken.</summary>
    public LimitCount Taken { get; } = new();

    /// <summary>Ranks that have applied the first step of their plan.</summary>
    public LimitCount Advanced { get; } = new();

    /// <summary>Ranks that were let go.</summary>
    public LimitCount Released { get; } = new();

    /// <summary>Generations that jobs have formed.</summary>
    public int Formed => Volatile.Read(ref formed);

    /// <summary>Messages whose call failed.</summary>
    public int Lost => Volatile.Read(ref lost);

    /// <summary>Ends when a generation of the job runs.</summary>
    public Task UntilRunning(JobId job) =>
        running.GetOrAdd(job, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Post(GrainAddress to, GrainMessage message) => outbox.Send(to, message);

    public Task<bool> Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        foreach (var output in observations)
        {
            if (output is not ObserveEvent { Event: { } happened })
                continue;
            if (happened.Kind == EventKinds.GenerationForming)
                Interlocked.Increment(ref formed);
            if (happened is { Kind: EventKinds.GenerationRunning, Job: { } job } && running.TryGetValue(job, out var waiting))
                waiting.TrySetResult();
        }

        return Task.FromResult(true);
    }

    public void Send(GrainAddress to, GrainMessage message) => outbox.Send(to, message);

    public void Send(NodeId node, CoordinatorMessage message)
    {
        if (message is not RankOrdered { Order: var order })
            return;
        switch (order)
        {
            case PrepareRank prepare:
                Say(new RankState
                {
                    Job = prepare.Job,
                    Generation = prepare.Generation,
                    Gpu = prepare.Gpu,
                    Boot = Session.Boot,
                    HasState = false,
                    Timeline = prepare.Timeline,
                    Applied = 0,
                    StateBlocks = 1,
                });
                break;
            case RankPlan plan:
                Say(new PlanTaken { Job = plan.Job, Generation = plan.Generation, Gpu = plan.Gpu });
                Say(new RankAdvanced { Job = plan.Job, Generation = plan.Generation, Gpu = plan.Gpu, Step = plan.FirstStep });
                Advanced.Add();
                break;
            case ReleaseRank release:
                Say(new RankReleased { Job = release.Job, Generation = release.Generation, Gpu = release.Gpu });
                Released.Add();
                break;
        }

        void Say(JobReport report) => outbox.Send(GrainAddress.Of(node), new WorkerSaid(Session, report));
    }

    public void OnStorageAway(GrainAddress grain, Exception why) => Console.Error.WriteLine($"{grain}: {why.Message}");

    public void OnGivenUp(GrainAddress grain, Exception why) => Console.Error.WriteLine($"{grain} gave up: {why.Message}");

    public void Dispose() => outbox.Dispose();
}
