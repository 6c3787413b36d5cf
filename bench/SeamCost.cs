using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;
using Coordinator.Worker.Transport;

namespace Coordinator.Bench;

/// <summary>
/// What a rank costs beside its device's computing: whole jobs of one rank, with the shipping machine, executor and CPU device, on
/// constant bytes. Prints time and allocated bytes a step of each round, so that two builds can be run by turns and compared.
/// Options: <c>--rounds n</c> (default 8), <c>--steps n</c> a round (default 60).
/// </summary>
internal static class SeamCost
{
    private static readonly JobId Job = new("seam");
    private static readonly GpuId Gpu = new(new NodeId("seam"), 0);

    public static int Run(string[] args)
    {
        var (rounds, steps) = (Option(args, "--rounds", 8), Option(args, "--steps", 60));
        var spec = new JobSpec
        {
            Model = new ModelSpec { Layers = 2, Heads = 4, Channels = 128, Block = 32 },
            Training = new TrainingSpec { Steps = steps, BatchSize = 8, Shards = 8, MicroBatch = 1 },
        };
        Round(spec);
        List<double> times = [];
        for (var round = 1; round <= rounds; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var milliseconds = Round(spec) / steps;
            times.Add(milliseconds);
            Console.WriteLine($"round {round}: {milliseconds:F3} ms a step, {(GC.GetTotalAllocatedBytes(precise: true) - before) / steps} bytes allocated a step");
        }

        times.Sort();
        Console.WriteLine($"median {times[times.Count / 2]:F3} ms a step, least {times[0]:F3}, most {times[^1]:F3}");
        return 0;
    }

    private static int Option(string[] args, string name, int otherwise) =>
        Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? int.Parse(args[at + 1]) : otherwise;

    private static double Round(JobSpec spec)
    {
        IRankDevice device = TrainingPrograms.Create(spec).CreateCpuDevice(new Constant(), new CpuDeviceOptions());
        var outlet = new Outlet();
        using var host = new RankHost(new RankHostOptions { Job = Job, Spec = spec, Gpu = Gpu, Boot = 1 }, device, outlet, new NoModels(), FaultPlan.None, new SilentLog());
        var members = Membership.None(Job).Apply(1, [], [new Member(Gpu, "", 1)]);
        var watch = Stopwatch.StartNew();
        host.Post(new OrderArrived(new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = Gpu }, members));
        host.Post(new OrderArrived(
            new RankPlan
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
            },
            members));
        outlet.Finished.Wait();
        return watch.Elapsed.TotalMilliseconds;
    }

    private sealed class Constant : ISampleSource
    {
        public void ReadSample(long position, Span<int> tokens) => tokens.Fill((int)(position & 63));
    }

    private sealed class Outlet : IRankOutlet
    {
        public ManualResetEventSlim Finished { get; } = new();

        public void Tell(WorkerMessage message)
        {
            if (message is RankFinished)
                Finished.Set();
        }

        public void Send(in FrameHeader header, in OutgoingPayload payload) => payload.Owner?.Release();
    }

    private sealed class NoModels : IModelSink
    {
        public Task StoreAsync(JobId job, JobSpec spec, long step, ReadOnlyMemory<float> parameters, CancellationToken cancel) => Task.CompletedTask;
    }
}
