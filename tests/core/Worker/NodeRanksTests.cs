using System.Collections.Concurrent;
using System.Threading.Channels;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Worker;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Transport;

namespace Coordinator.Tests.Worker;

/// <summary>Workers without a silo: the test orders them about as a job would, over real loopback connections.</summary>
public sealed partial class NodeRanksTests : IAsyncDisposable
{
    private const int Parameters = 150;

    private readonly List<TestWorker> workers = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in workers)
            await worker.DisposeAsync();
    }

    [Theory]
    [InlineData("a")]
    [InlineData("aa")]
    [InlineData("ab")]
    [InlineData("abc")]
    [InlineData("aabb")]
    public async Task Any_split_of_the_ranks_over_workers_ends_with_the_state_of_one(string split)
    {
        Assert.Equal(Expected(steps: 5), await TrainAsync(split, steps: 5));
    }

    [Fact]
    public async Task The_final_model_is_stored_by_rank_0_and_steps_are_reported_once_each()
    {
        await TrainAsync("ab", steps: 5);
        var (step, parameters) = await workers[0].Models.Models.Next("the model");
        Assert.Equal((5, Parameters), (step, parameters.Length));
        Assert.False(workers[1].Models.Models.TryRead(out _));
        var steps = await workers[0].Said.Reader.Next("the steps", said => said is StepsApplied { Steps: [.., { Step: 5 }] });
        Assert.Equal([1, 2, 3, 4, 5], ((StepsApplied)steps).Steps.Select(record => (int)record.Step));
    }

    [Fact]
    public async Task A_device_without_a_plan_computes_nothing()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("the answer", said => said is RankState);
        worker.Ranks.SiloReached();
        await worker.Said.Reader.Next("the answer again", said => said is RankState);
        Assert.Empty(worker.Devices.Single().Calls);
    }

    [Fact]
    public async Task A_stale_order_is_refused()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0) with { Incarnation = 3 }));
        await worker.Said.Reader.Next("the answer", said => said is RankState);

        // A plan of an earlier activation would be obeyed but for its incarnation.
        worker.Ranks.Handle(new RankOrdered(Plan(members, 0, Sample.Spec()) with { Incarnation = 2 }));
        worker.Ranks.SiloReached();
        Assert.IsType<RankState>(await worker.Said.Reader.Next("the next word"));
        Assert.Empty(worker.Devices.Single().Calls);
        worker.Ranks.Handle(new RankOrdered(Plan(members, 0, Sample.Spec()) with { Incarnation = 3 }));
        await worker.Said.Reader.Next("the plan taken", said => said is PlanTaken);
    }

    [Fact]
    public async Task A_plan_waits_for_the_assignment_of_its_generation_and_incarnation()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("the answer", said => said is RankState);
        var plan = Plan(members, 0, Sample.Spec());
        ShardsAssigned Assignment(long incarnation, long generation) => new(Sample.Job, incarnation, generation, plan.FirstStepShards);

        // Neither another generation's assignment nor none at all lets a plan compute.
        worker.Ranks.Handle(new RankOrdered(plan with { FirstStepShards = [] }));
        worker.Ranks.Handle(Assignment(1, members.Generation - 1));
        worker.Ranks.Handle(new RankOrdered(plan with { FirstStepShards = [] }));
        worker.Ranks.SiloReached();
        Assert.IsType<RankState>(await worker.Said.Reader.Next("the next word"));
        Assert.Empty(worker.Devices.Single().Calls);

        worker.Ranks.Handle(Assignment(1, members.Generation));
        worker.Ranks.Handle(new RankOrdered(plan with { FirstStepShards = [] }));
        await worker.Said.Reader.Next("the plan taken", said => said is PlanTaken);
        await worker.Said.Reader.Next("a step under it", said => said is RankAdvanced);
    }

    [Fact]
    public async Task After_a_job_has_ended_its_older_orders_are_still_refused()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("the answer", said => said is RankState);
        worker.Ranks.Handle(new RankOrdered(
            new ReleaseRank { Job = Sample.Job, Gpu = Sample.Gpu("a"), Incarnation = 1, Timeline = 0, Generation = 2, Forget = true }));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        Assert.Empty(worker.Ranks.Positions);
        await worker.Ranks.LeaveAsync("the test ends").For("a worker without ranks to leave");
    }

    [Fact]
    public async Task An_order_that_rests_on_an_unknown_membership_asks_for_it()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        Assert.IsType<MembershipUnknown>(await worker.Said.Reader.Next("the question"));
        worker.Ranks.Handle(
            new MembershipChanged(Change(members, Sample.Spec()) with { FromGeneration = 7, ToGeneration = 8, Spec = null }));
        var unknown = (MembershipUnknown)await worker.Said.Reader.Next("the second question");
        Assert.Equal((Sample.Job, 8L, new NodeId("a")), (unknown.Job, unknown.Generation, unknown.Node));
    }

    [Fact]
    public async Task An_order_for_an_earlier_process_of_the_node_is_refused()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        var old = members with { Members = [.. members.Members.Select(member => member with { Boot = 1 })] };
        worker.Ranks.Handle(new MembershipChanged(Change(old, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(old, 0)));
        worker.Ranks.Handle(new RankOrdered(Prepare(members with { Generation = 3 }, 0)));
        Assert.Equal(3, ((MembershipUnknown)await worker.Said.Reader.Next("the first word")).Generation);
    }

    [Fact]
    public async Task A_program_that_cannot_be_made_is_reported_with_its_message()
    {
        var worker = Worker("a", 1);
        worker.WhyNoProgram = "the data is damaged";
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        Assert.Equal("the data is damaged", ((RankFaulted)await worker.Said.Reader.Next("the fault")).Detail);
        Assert.Empty(worker.Ranks.Positions);
    }

    [Fact]
    public async Task A_leaving_worker_says_so_and_has_left_once_released()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("the answer", said => said is RankState);
        var left = worker.Ranks.LeaveAsync("drained");
        Assert.Equal("drained", ((RankLeaving)await worker.Said.Reader.Next("the notice", said => said is RankLeaving)).Reason);
        Assert.False(left.IsCompleted);
        worker.Ranks.Handle(
            new RankOrdered(new ReleaseRank { Job = Sample.Job, Gpu = Sample.Gpu("a"), Incarnation = 1, Timeline = 0, Generation = 2 }));
        await left.For("the leave");
    }

    [Fact]
    public async Task A_leaving_worker_that_had_a_plan_stays_released_until_its_state_is_of_no_more_use()
    {
        var worker = Worker("a", 1);
        (worker.HoldComputing, worker.HoldFrom) = (new TaskCompletionSource(), 2);
        await StartAsync("a", Sample.Spec());
        await worker.Devices.Single().Reached(step: 2).For("step 2");
        var release = new ReleaseRank { Job = Sample.Job, Gpu = Sample.Gpu("a"), Incarnation = 1, Timeline = 0, Generation = 3 };
        worker.Ranks.Handle(new RankOrdered(release));
        await worker.Said.Reader.Next("the release", said => said is RankReleased);

        // Left out first, asked to end then: what it holds may be all that there is.
        var left = worker.Ranks.LeaveAsync("drained");
        await worker.Said.Reader.Next("the notice", said => said is RankLeaving { Generation: 3 });
        Assert.False(left.IsCompleted);
        worker.Ranks.Handle(new RankOrdered(release with { Forget = true }));
        await left.For("the leave");
        worker.HoldComputing.SetResult();
    }

    [Fact]
    public async Task A_newcomer_fetches_the_state_and_the_interrupted_step_goes_on()
    {
        var (first, second) = (Worker("a", 1), Worker("b", 1));
        (first.HoldComputing, first.HoldFrom) = (new TaskCompletionSource(), 3);
        var spec = Sample.Spec(shards: 8, steps: 5);
        var alone = Members("a");
        first.Ranks.Handle(new MembershipChanged(Change(alone, spec)));
        first.Ranks.Handle(new RankOrdered(Prepare(alone, 0)));
        await first.Said.Reader.Next("the answer", said => said is RankState);
        first.Ranks.Handle(new RankOrdered(Plan(alone, 0, spec)));
        await first.Devices.Single().Reached(step: 3).For("step 3");

        var both = Members("ab") with { Generation = 3 };
        second.Ranks.Handle(new MembershipChanged(Change(both, spec)));
        first.Ranks.Handle(new MembershipChanged(Change(both, spec)));
        for (var rank = 0; rank < 2; rank++)
            workers[rank].Ranks.Handle(new RankOrdered(Prepare(both, rank)));
        var answer = (RankState)await first.Said.Reader.Next("a's answer", said => said is RankState);
        Assert.Equal((2L, true), (answer.Applied, answer.HasState));
        Assert.False(((RankState)await second.Said.Reader.Next("b's answer", said => said is RankState)).HasState);
        var blocks = ((3 * Parameters) + 15) / 16;
        first.Ranks.Handle(new RankOrdered(Plan(both, 0, spec) with { FirstStep = 3, CatchUp = CatchUp.None }));
        second.Ranks.Handle(new RankOrdered(
            Plan(both, 1, spec) with { FirstStep = 3, CatchUp = CatchUp.FetchState, Donors = [new DonorRun(0, 0, blocks)] }));
        first.HoldComputing.SetResult();
        foreach (var worker in workers)
        {
            Assert.Equal(
                Expected(steps: 5), ((RankFinished)await worker.Said.Reader.Next("the end", said => said is RankFinished)).StateSha256);
        }
        Assert.DoesNotContain("apply 1", second.Devices.Single().Calls);
        Assert.Equal(
            ["apply 1", "apply 2", "apply 3", "apply 4", "apply 5"],
            first.Devices.Single().Calls.Where(call => call.StartsWith("apply", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_peer_that_dies_is_accused()
    {
        var held = new TaskCompletionSource();
        Worker("a", 1).HoldComputing = held;
        Worker("b", 1).HoldComputing = held;
        await StartAsync("ab", Sample.Spec());
        await workers[1].DisposeAsync();
        var accused = (PeerAccused)await workers[0].Said.Reader.Next("the accusation", said => said is PeerAccused);
        Assert.Equal((new NodeId("a"), new NodeId("b"), Evidence.ConnectionClosed), (accused.Accuser, accused.Accused, accused.Evidence));
        held.SetResult();
    }

    [Fact]
    public async Task A_peer_that_died_before_the_rank_was_made_is_accused_by_it()
    {
        // The node's only voice in the generation is a rank whose program takes its time: what was lost meanwhile must not be.
        var (late, dead) = (Worker("a", 1), Worker("b", 1));
        late.MayMake = new TaskCompletionSource();
        var members = Members("ab");
        await dead.DisposeAsync();
        late.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        await late.Lost.Task.For("the loss of b");
        late.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        late.MayMake.SetResult();
        var accused = (PeerAccused)await late.Said.Reader.Next("the accusation", said => said is PeerAccused);
        Assert.Equal((new NodeId("a"), new NodeId("b"), 2L), (accused.Accuser, accused.Accused, accused.Generation));
    }

    private static string Expected(long steps)
    {
        var spec = Sample.Spec(shards: 8, steps: steps);
        using var device = new TinyDevice(Parameters);
        device.Initialize();
        for (var step = 1L; step <= steps; step++)
        {
            var leaves = Enumerable.Range(0, spec.Training.Shards).Select(shard =>
            {
                var gradient = new float[Parameters];
                return (Gradient: gradient, Targets: device.ComputeShard(step, shard, gradient, CancellationToken.None).Targets);
            }).ToArray();
            while (leaves.Length > 1)
            {
                leaves = [.. leaves.Chunk(2).Select(pair =>
                    (
                        Gradient: pair[0].Gradient.Zip(pair[1].Gradient, (a, b) => a + b).ToArray(),
                        Targets: pair[0].Targets + pair[1].Targets))];
            }

            var squares = leaves[0].Gradient.Chunk(16).Select(block => Coordinator.Worker.Kernels.BlockMath.SumOfSquares(block)).ToArray();
            while (squares.Length > 1)
                squares = [.. squares.Chunk(2).Select(pair => pair.Length == 2 ? pair[0] + pair[1] : pair[0])];
            device.ApplyStep(step, leaves[0].Gradient, squares[0], leaves[0].Targets);
        }

        var state = new float[3 * Parameters];
        device.ReadState(0, state);
        var bytes = new byte[state.Length * 4];
        Buffer.BlockCopy(state, 0, bytes, 0, bytes.Length);
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));
    }

    private static PrepareRank Prepare(Membership members, int rank) => new()
    {
        Job = Sample.Job,
        Incarnation = 1,
        Timeline = 0,
        Generation = members.Generation,
        Gpu = members.Members[rank].Gpu,
    };

    private static RankPlan Plan(Membership members, int rank, JobSpec spec)
    {
        var ranks = members.Members.Count;
        var shards = spec.Training.Shards;
        return new RankPlan
        {
            Job = Sample.Job,
            Incarnation = 1,
            Timeline = 0,
            Generation = members.Generation,
            Gpu = members.Members[rank].Gpu,
            Rank = rank,
            FirstStep = 1,
            FirstStepShards = [.. Enumerable.Range(0, ranks).Select(
                i => new ShardRun(i, shards * i / ranks, (shards * (i + 1) / ranks) - (shards * i / ranks)))],
            CatchUp = CatchUp.Initialize,
        };
    }

    private static MembershipChange Change(Membership members, JobSpec spec) => new()
    {
        Job = Sample.Job,
        Incarnation = 1,
        FromGeneration = 0,
        ToGeneration = members.Generation,
        Added = members.Members,
        Hash = members.Hash,
        Key = Convert.ToBase64String(Sample.Key),
        Spec = spec,
    };

    private async Task<string> TrainAsync(string split, long steps, Func<TinyDevice, IRankDevice>? wrap = null)
    {
        foreach (var node in split.GroupBy(node => node))
        {
            var worker = Worker(node.Key.ToString(), node.Count());
            worker.Wrap = wrap ?? worker.Wrap;
        }

        await StartAsync(split, Sample.Spec(shards: 8, steps: steps));
        var hashes = new List<string>();
        foreach (var worker in workers)
        {
            var gpus = split.Count(node => node == worker.Node[0]);
            var finished = new Dictionary<GpuId, string>();
            var reports = new List<WorkerMessage>();
            while (finished.Count < gpus)
            {
                var said = await worker.Said.Reader.Next(
                    $"the end of {worker.Node}", said => said is RankFinished or StepsApplied or PeerAccused or RankFaulted);
                Assert.False(said is PeerAccused or RankFaulted, said.ToString());
                if (said is RankFinished end)
                    finished[end.Gpu] = end.StateSha256;
                else
                    reports.Add(said);
            }

            foreach (var report in reports)
                worker.Said.Writer.TryWrite(report);

            hashes.AddRange(finished.Values);
        }

        return Assert.Single(hashes.Distinct());
    }

    private async Task StartAsync(string split, JobSpec spec)
    {
        var members = Members(split);
        foreach (var worker in workers)
        {
            worker.Ranks.Handle(new MembershipChanged(Change(members, spec)));
            for (var rank = 0; rank < members.Members.Count; rank++)
            {
                if (members.Members[rank].Gpu.Node.Value == worker.Node)
                    worker.Ranks.Handle(new RankOrdered(Prepare(members, rank)));
            }
        }

        foreach (var worker in workers)
        {
            for (var gpu = split.Count(node => node == worker.Node[0]); gpu > 0; gpu--)
                await worker.Said.Reader.Next("an answer", said => said is RankState);
        }

        for (var rank = 0; rank < members.Members.Count; rank++)
        {
            var worker = workers.Single(worker => worker.Node == members.Members[rank].Gpu.Node.Value);
            worker.Ranks.Handle(new RankOrdered(Plan(members, rank, spec)));
        }
    }

    private Membership Members(string split) => Membership.None(Sample.Job).Apply(
        2,
        [],
        [.. split.GroupBy(node => node.ToString()).SelectMany(node => node.Select((_, index) =>
            new Member(Sample.Gpu(node.Key, index), workers.Single(worker => worker.Node == node.Key).Address, 42)))]);

    private TestWorker Worker(string node, int gpus, TimeSpan? endTimeout = null)
    {
        var worker = new TestWorker(node, gpus, endTimeout ?? new WorkerOptions { Node = new NodeId(node), Silos = [] }.EndTimeout);
        workers.Add(worker);
        return worker;
    }

    private sealed class TestWorker : IProgramFactory, IAsyncDisposable
    {
        private readonly DataPlane plane;
        private readonly HttpMessageInvoker http = SiloHttp.Create();

        public TestWorker(string node, int gpus, TimeSpan endTimeout)
        {
            Node = node;
            plane = new DataPlane(new DataPlaneOptions { Node = new NodeId(node) }, new LossLog(Lost));
            var options = new WorkerOptions
            {
                Node = new NodeId(node),
                Silos = [],
                Gpus = CpuDeviceClass.Devices(gpus),
                Boot = 42,
                EndTimeout = endTimeout,
            };
            Ranks = new NodeRanks(
                options,
                new WorkerServices(this, Models, new SilentLog()) { Http = http },
                plane,
                message => Said.Writer.TryWrite(message));
        }

        public string Node { get; }

        public string Address => plane.Address;

        public NodeRanks Ranks { get; }

        public RecordingModels Models { get; } = new();

        public ConcurrentQueue<TinyDevice> Devices { get; } = [];

        /// <summary>What stands before a tiny device, if something does.</summary>
        public Func<TinyDevice, IRankDevice> Wrap { get; set; } = device => device;

        /// <summary>The gpu whose first device is lost at step 3.</summary>
        public int? Loses { get; set; }

        public Exception? Loss { get; set; }

        public Channel<WorkerMessage> Said { get; } = Channel.CreateUnbounded<WorkerMessage>();

        public string? WhyNoProgram { get; set; }

        public TaskCompletionSource? HoldComputing { get; set; }

        public long HoldFrom { get; set; }

        /// <summary>Programs wait for it.</summary>
        public TaskCompletionSource? MayMake { get; set; }

        /// <summary>The data plane has said that it lost a peer.</summary>
        public TaskCompletionSource Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IRankDevice Create(JobId job, JobSpec spec, GpuId gpu, CancellationToken cancel)
        {
            MayMake?.Task.Wait(CancellationToken.None);
            if (WhyNoProgram is not null)
                throw new InvalidOperationException(WhyNoProgram);
            var device = new TinyDevice(Parameters)
            {
                HoldComputing = HoldComputing,
                HoldFrom = HoldFrom,
                LostFrom = Loses == gpu.Index ? 3 : 0,
            };
            if (Loses == gpu.Index)
                (Loses, device.Loss) = (null, Loss ?? device.Loss);
            Devices.Enqueue(device);
            return Wrap(device);
        }

        public async ValueTask DisposeAsync()
        {
            await plane.DisposeAsync();
            await Ranks.DisposeAsync();
            http.Dispose();
        }
    }

    private sealed class LossLog(TaskCompletionSource lost) : IWorkerLog
    {
        public void Info(string text)
        {
        }

        public void Warn(string text)
        {
            if (text.Contains(": lost ", StringComparison.Ordinal))
                lost.TrySetResult();
        }
    }
}
