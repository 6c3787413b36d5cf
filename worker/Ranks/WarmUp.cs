using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>Runs a whole job on one rank that nobody else knows of, so that its code is compiled before somebody waits for it.</summary>
public static class WarmUp
{
    private static readonly JobId Job = new("warm-up");
    private static readonly GpuId Gpu = new(new NodeId("warm-up"), 0);

    /// <summary>
    /// Trains to the job's last step, or until <paramref name="limit"/> (infinite: as long as it takes). Disposes of the device.
    /// </summary>
    /// <returns>Whether it came to the last step.</returns>
    public static async Task<bool> RunAsync(JobSpec spec, IRankDevice device, TimeSpan limit)
    {
        var outlet = new Outlet();
        using var host = new RankHost(
            new RankHostOptions { Job = Job, Spec = spec, Gpu = Gpu, Boot = 1 },
            device,
            outlet,
            new NoModels(),
            FaultPlan.None,
            new SilentLog());
        var members = Membership.None(Job).Apply(1, [], [new Member(Gpu, "", 1)]);
        host.Post(new OrderArrived(new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = Gpu }, members));
        var plan = new RankPlan
        {
            Job = Job,
            Incarnation = 1,
            Timeline = 0,
            Generation = 1,
            Gpu = Gpu,
            Rank = 0,
            FirstStep = 1,
            FirstStepShards = [new ShardRun(0, 0, spec.Training.Shards)],
            CatchUp = CatchUp.Initialize,
        };
        host.Post(new OrderArrived(plan, members));
        try
        {
            await Task.WhenAny(outlet.Finished.Task, host.Over).WaitAsync(limit).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Being late is worse than being cold.
        }

        return outlet.Finished.Task.IsCompletedSuccessfully;
    }

    private sealed class Outlet : IRankOutlet
    {
        public TaskCompletionSource Finished { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Tell(WorkerMessage message)
        {
            if (message is RankFinished)
                Finished.TrySetResult();
        }

        public void Send(in FrameHeader header, in OutgoingPayload payload) => payload.Owner?.Release();
    }

    private sealed class NoModels : IModelSink
    {
        public Task StoreAsync(
            JobId job, JobSpec spec, long step, IReadOnlyList<ModelTensor>? tensors, HostFloats parameters, CancellationToken cancel) =>
            Task.CompletedTask;
    }
}
