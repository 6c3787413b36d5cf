using System.Runtime.InteropServices;
using System.Threading.Channels;
using Coordinator.Machines;
using Coordinator.Tests.Support;
using Coordinator.Worker;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Ranks;
using Coordinator.Worker.Transport;

namespace Coordinator.Tests.Worker;

public sealed class RankHostTests : IDisposable
{
    private const int Parameters = 40;

    private readonly TinyDevice device = new(Parameters);
    private readonly Script script = new();
    private readonly Outlet outlet = new();
    private readonly RecordingModels models = new();
    private RankHost? host;

    public void Dispose() => host?.Dispose();

    [Fact]
    public async Task A_warm_up_trains_to_the_end_and_leaves_no_device()
    {
        using var device = new TinyDevice(20);
        await WarmUp.RunAsync(Sample.Spec(steps: 2), device, TimeSpan.FromMinutes(1)).For("the warm-up");
        Assert.True(device.Disposed);
        Assert.Contains("apply 2", device.Calls);
    }

    [Fact]
    public void A_device_without_room_for_a_gradient_is_given_back_at_once()
    {
        device.Full = true;
        Assert.Throws<DeviceLostException>(() => Start());
        Assert.True(device.Disposed);
    }

    [Fact]
    public async Task Reducing_leaves_own_sums_and_staged_contributions_as_they_were()
    {
        Start();
        await Computed(1, shard: 0);
        await Computed(2, shard: 1);
        Do(new KeepGradient(1, Subtree.Leaf(0)), new KeepGradient(2, Subtree.Leaf(1)));
        var own = await SentPartial(Subtree.Leaf(0), block: 1);
        var right = Contribution(block: 1, new Subtree(2, 2), 16, seed: 5);
        host!.Accept(right.Header, right.Payload);
        var staged = (await script.Next<FrameArrived>()).Payload;
        var expected = Added(Added(own, await SentPartial(Subtree.Leaf(1), block: 1)), right.Payload.Floats.ToArray());

        for (var again = 0; again < 2; again++)
        {
            Do(
                new StageContribution(staged, right.Header),
                new ReduceBlock(
                    1, 1, [new BlockPart(Subtree.Leaf(0), 0), new BlockPart(Subtree.Leaf(1), 0), new BlockPart(new Subtree(2, 2), staged)]),
                new SendFrame(Header(FrameKind.Reduced) with { Block = 1 }, PayloadSource.Reduced));
            var sent = await outlet.Frames.Next("the reduced block");
            Assert.Equal(expected, sent.Payload);
            Assert.Equal(sent.Header.SumOfSquares, Coordinator.Worker.Kernels.BlockMath.SumOfSquares(expected));
        }

        Assert.Equal(own, await SentPartial(Subtree.Leaf(0), block: 1));
    }

    [Fact]
    public async Task Merging_adds_right_to_left_with_loss_and_targets()
    {
        Start();
        await Computed(1, shard: 2);
        await Computed(2, shard: 3);
        Do(new KeepGradient(1, Subtree.Leaf(2)), new KeepGradient(2, Subtree.Leaf(3)));
        var expected = Added(await SentPartial(Subtree.Leaf(2), 0), await SentPartial(Subtree.Leaf(3), 0));
        Do(
            new MergeSubtrees(Subtree.Leaf(2), Subtree.Leaf(3)),
            new SendFrame(Header(FrameKind.Contribution) with { Subtree = new Subtree(2, 2) }, PayloadSource.Partial));
        var (header, sum) = await outlet.Frames.Next("the sum");
        Assert.Equal(expected, sum);
        Assert.Equal((0.1 * 3) + (0.1 * 4), header.Loss);
        Assert.Equal(5 + 6, header.Targets);
    }

    [Fact]
    public async Task A_cancelled_computing_is_not_answered_and_the_next_is()
    {
        Start();
        device.HoldComputing = new TaskCompletionSource();
        Do(new ComputeShard(1, 1, 0), new CancelComputing());
        device.HoldComputing = null;
        await Computed(2, shard: 1);
        Assert.DoesNotContain(script.Seen, input => input is ShardComputed { Ticket: 1 });
        Do(new KeepGradient(2, Subtree.Leaf(1)));
    }

    [Fact]
    public async Task The_optimizer_waits_for_computing_and_steps_are_recorded_once_applied()
    {
        Start();
        Do(new InitializeState(1));
        await script.Next<StateInitialized>();
        device.HoldComputing = new TaskCompletionSource();
        Do(new ComputeShard(1, 1, 0), new ApplyStep(2, 1, 1));
        Assert.DoesNotContain(script.Seen, input => input is StepFinished);
        device.HoldComputing.SetResult();
        await script.Next<StepFinished>();
        Assert.Equal(["initialize", "compute 1 0", "apply 1"], device.Calls);
    }

    [Fact]
    public async Task State_goes_out_and_in_by_blocks_and_its_hash_follows()
    {
        Start();
        Do(new InitializeState(1));
        await script.Next<StateInitialized>();
        Do(new HashState(2));
        var before = (await script.Next<StateHashed>()).Sha256;
        Do(new SendFrame(Header(FrameKind.State) with { Block = 7 }, PayloadSource.State));
        var (header, last) = await outlet.Frames.Next("the last block of the state");
        Assert.Equal((3 * Parameters) - (7 * 16), last.Length);
        var changed = Contribution(7, default, last.Length, seed: 3);
        var frame = header with { PayloadBytes = last.Length * 4 };
        Assert.Null(host!.Accept(frame, changed.Payload));
        var handle = (await script.Next<FrameArrived>()).Payload;
        Do(new StoreState(handle, frame), new ReleasePayload(handle), new HashState(2));
        Assert.NotEqual(before, (await script.Next<StateHashed>()).Sha256);
    }

    [Fact]
    public void Frames_that_no_correct_peer_sends_are_refused()
    {
        Start();
        var pool = new BlockPool(64);
        Assert.NotNull(
            host!.Accept(Header(FrameKind.Contribution) with { Block = 3, Subtree = Subtree.Leaf(0), PayloadBytes = 64 }, pool.Rent(64)));
        Assert.NotNull(
            host.Accept(Header(FrameKind.Contribution) with { Block = 2, Subtree = Subtree.Leaf(0), PayloadBytes = 64 }, pool.Rent(64)));
        Assert.NotNull(host.Accept(Header(FrameKind.Contribution) with { Subtree = new Subtree(4, 4), PayloadBytes = 64 }, pool.Rent(64)));
        Assert.Null(
            host.Accept(Header(FrameKind.Contribution) with { Block = 2, Subtree = Subtree.Leaf(0), PayloadBytes = 32 }, pool.Rent(32)));
    }

    [Fact]
    public async Task Frames_of_a_generation_not_ordered_yet_wait_for_it_and_older_ones_are_dropped()
    {
        Start();
        host!.Accept(Header(FrameKind.Ready) with { Generation = 2 }, null);
        host.Accept(Header(FrameKind.Ready), null);
        Assert.Equal(1, (await script.Next<FrameArrived>()).Header.Generation);
        script.Generation = 2;
        host.Post(new OrderArrived(
            new ReleaseRank { Job = Sample.Job, Gpu = Sample.Gpu("a"), Incarnation = 1, Timeline = 0, Generation = 2 }, null));
        Assert.Equal(2, (await script.Next<FrameArrived>()).Header.Generation);
        host.Accept(Header(FrameKind.Ready), null);
        host.Post(new SiloReached());
        await script.Next<SiloReached>();
        Assert.Equal(2, script.Seen.Count(input => input is FrameArrived));
    }

    [Fact]
    public async Task A_failing_device_is_told_to_the_machine()
    {
        Start();
        device.HoldComputing = new TaskCompletionSource();
        device.HoldComputing.SetException(new InvalidOperationException("out of memory"));
        Do(new ComputeShard(1, 1, 0));
        Assert.Contains("out of memory", (await script.Next<DeviceFailed>()).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Storage_that_never_answers_is_the_checkpoints_fault_and_the_rank_goes_on()
    {
        using var root = new TemporaryFolder();
        using var storage = new DeadStorage();
        Start(checkpoints: new CheckpointFolder(root.File("checkpoints")) { Opening = storage.Open });
        var saved = Save(new CheckpointFolder(root.File("checkpoints")));
        Do(new LoadState(1, saved, VerifyFirst: false));
        await storage.Asked.For("the reading of a part");
        Assert.Contains("did not answer", (await script.Next<StateLoaded>()).Failure, StringComparison.Ordinal);

        Do(new InitializeState(2), new HashState(3));
        await script.Next<StateInitialized>();
        var before = (await script.Next<StateHashed>()).Sha256;

        // What comes late is the state of a checkpoint that was given up.
        storage.Answer();
        Do(new HashState(4));
        Assert.Equal(before, (await script.Next<StateHashed>()).Sha256);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_checkpoint_that_comes_late_is_not_written_over_what_took_its_place(bool deviceFails)
    {
        using var root = new TemporaryFolder();
        using var storage = new DeadStorage();
        Start(checkpoints: new CheckpointFolder(root.File("checkpoints")) { Opening = storage.Open }, readLimit: TimeSpan.FromMinutes(5));
        var saved = Save(new CheckpointFolder(root.File("checkpoints")));
        Do(new LoadState(1, saved, VerifyFirst: false));
        await storage.Asked.For("the reading of a part");
        if (deviceFails)
        {
            device.HoldComputing = new TaskCompletionSource();
            device.HoldComputing.SetException(new InvalidOperationException("out of memory"));
            Do(new ComputeShard(1, 1, 0));
            await script.Next<DeviceFailed>();
        }
        else
        {
            Do(new InitializeState(2));
            await script.Next<StateInitialized>();
        }

        Do(new HashState(3));
        var before = (await script.Next<StateHashed>()).Sha256;
        storage.Answer();
        await storage.Closed.For("the end of the reading");
        Do(new HashState(4));
        Assert.Equal(before, (await script.Next<StateHashed>()).Sha256);
    }

    [Fact]
    public async Task A_checkpoint_is_loaded_while_the_rank_answers_others()
    {
        using var root = new TemporaryFolder();
        var folder = new CheckpointFolder(root.File("checkpoints"));
        Start(checkpoints: folder);
        Do(new HashState(4));
        var before = (await script.Next<StateHashed>()).Sha256;
        Do(new LoadState(5, Save(folder), VerifyFirst: true), new SendFrame(Header(FrameKind.Ready), PayloadSource.None));
        await outlet.Frames.Next("the frame");
        Assert.Null((await script.Next<StateLoaded>()).Failure);
        Do(new HashState(4));
        Assert.NotEqual(before, (await script.Next<StateHashed>()).Sha256);
    }

    [Fact]
    public async Task A_broken_invariant_ends_the_rank_and_says_so()
    {
        Start();
        Do(new DropSubtree(Subtree.Leaf(0)));
        Assert.IsType<InvalidOperationException>(await host!.Over.For("the end of the loop"));
    }

    [Fact]
    public async Task A_flipped_bit_changes_one_element_of_the_contribution()
    {
        Start(new FaultPlan([FaultRule.Parse("flip@contribution:1")]));
        await Computed(1, shard: 0);
        var sound = new float[Parameters];
        new TinyDevice(Parameters).ComputeShard(1, 0, sound, CancellationToken.None);
        Do(new KeepGradient(1, Subtree.Leaf(0)));
        var sent = new List<float>();
        for (var block = 0; block < 3; block++)
            sent.AddRange(await SentPartial(Subtree.Leaf(0), block));
        Assert.Equal(1, sent.Zip(sound, (a, b) => a == b ? 0 : 1).Sum());
    }

    [Fact]
    public async Task The_end_of_a_host_ends_its_device()
    {
        Start();
        device.HoldComputing = new TaskCompletionSource();
        Do(new ComputeShard(1, 1, 0));
        await Task.Run(host!.Dispose).For("the end of the host");
        Assert.True(device.Disposed);
        Assert.Null(await host.Over.For("the end of the loop"));
    }

    private static FrameHeader Header(FrameKind kind) => Sample.Frame(0, 1, kind: kind);

    private static float[] Added(float[] a, float[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static (FrameHeader Header, PooledBlock Payload) Contribution(int block, Subtree subtree, int length, int seed)
    {
        var payload = new BlockPool(64).Rent(length * 4);
        for (var i = 0; i < length; i++)
            payload.Floats[i] = (float)Math.Sqrt(seed + i);
        return (
            Header(FrameKind.Contribution) with { Block = block, Subtree = subtree, PayloadBytes = length * 4, Loss = 1, Targets = 1 },
            payload);
    }

    /// <summary>A checkpoint of one part, all of it 7.</summary>
    private static CheckpointRef Save(CheckpointFolder folder)
    {
        var id = new CheckpointId(0, 1, 1);
        var elements = HostFloats.Of(Enumerable.Repeat(7f, 3 * Parameters).ToArray());
        var part = folder.WritePart(Sample.Job, id, 0, 1, 0, elements, elements.Length);
        var sha256 = folder.Seal(new CheckpointManifest
        {
            Job = Sample.Job.Value,
            Timeline = 0,
            Step = 1,
            Generation = 1,
            DeviceClass = "tiny",
            Elements = 3 * Parameters,
            Parts = [part],
        });
        return new CheckpointRef(id, sha256, part.Bytes, 1);
    }

    private void Start(FaultPlan? faults = null, CheckpointFolder? checkpoints = null, TimeSpan? readLimit = null) => host = new RankHost(
        new RankHostOptions
        {
            Job = Sample.Job,
            Spec = Sample.Spec(),
            Gpu = Sample.Gpu("a"),
            Boot = 1,
            Checkpoints = checkpoints,
            ReadLimit = readLimit ?? TimeSpan.FromMilliseconds(100),
        },
        device,
        outlet,
        models,
        faults ?? FaultPlan.None,
        new SilentLog(),
        _ => script);

    /// <summary>Lets the machine ask for something in its next turn.</summary>
    private void Do(params RankOutput[] outputs) => host!.Post(new Instruct(outputs));

    private async Task Computed(long ticket, int shard)
    {
        Do(new ComputeShard(ticket, 1, shard));
        await script.Next<ShardComputed>();
    }

    private async Task<float[]> SentPartial(Subtree subtree, int block)
    {
        Do(new SendFrame(Header(FrameKind.Contribution) with { Subtree = subtree, Block = block }, PayloadSource.Partial));
        return (await outlet.Frames.Next("the contribution")).Payload;
    }

    /// <summary>A part whose bytes come when the test says so.</summary>
    private sealed class DeadStorage : IDisposable
    {
        private readonly ManualResetEventSlim answer = new();
        private readonly TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => asked.Task;

        public Task Closed => closed.Task;

        public Stream Open(string path)
        {
            asked.TrySetResult();
            answer.Wait();
            return new Part(path, closed);
        }

        public void Answer() => answer.Set();

        public void Dispose() => answer.Set();

        private sealed class Part(string path, TaskCompletionSource closed) : FileStream(path, FileMode.Open, FileAccess.Read)
        {
            protected override void Dispose(bool disposing)
            {
                base.Dispose(disposing);
                closed.TrySetResult();
            }
        }
    }

    private sealed record Instruct(RankOutput[] Outputs) : RankInput;

    private sealed class Script : IRankMachine
    {
        private readonly Channel<RankInput> inputs = Channel.CreateUnbounded<RankInput>();
        private readonly List<RankInput> seen = [];

        public TimeSpan? NextDeadline => null;

        public long Applied => 0;

        public string Activity => "scripted";

        public long Generation { get; set; } = 1;

        public RankInput[] Seen
        {
            get
            {
                lock (seen)
                    return [.. seen];
            }
        }

        public void Handle(TimeSpan now, RankInput input, List<RankOutput> outputs)
        {
            if (input is Instruct instruct)
            {
                outputs.AddRange(instruct.Outputs);
                return;
            }

            lock (seen)
                seen.Add(input);
            inputs.Writer.TryWrite(input);
        }

        public async Task<T> Next<T>()
            where T : RankInput => (T)await inputs.Reader.Next(typeof(T).Name, input => input is T);
    }

    private sealed class Outlet : IRankOutlet
    {
        private readonly Channel<(FrameHeader Header, float[] Payload)> frames = Channel.CreateUnbounded<(FrameHeader, float[])>();

        public ChannelReader<(FrameHeader Header, float[] Payload)> Frames => frames.Reader;

        public void Tell(WorkerMessage message)
        {
        }

        public void Send(in FrameHeader header, in OutgoingPayload payload)
        {
            frames.Writer.TryWrite((header, MemoryMarshal.Cast<byte, float>(payload.Bytes.AsSpan()).ToArray()));
            payload.Owner?.Release();
        }
    }
}
