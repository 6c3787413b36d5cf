using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Configuration;

public sealed class JobSpecValidatorTests
{
    private static readonly JobSpec Valid = new();

    [Fact]
    public void The_defaults_can_run() => Assert.Empty(JobSpecValidator.Validate(Valid));

    [Fact]
    public void Values_at_the_edges_can_run() =>
        Assert.Empty(JobSpecValidator.Validate(Valid with
        {
            Name = new string('n', 100),
            Ranks = 1 << 20,
            MinRanks = 1 << 20,
            Model = new() { Layers = 1, Heads = 8, Channels = 8, Block = 1, Vocab = 65536, Dropout = 0.999 },
            Training = new() { Steps = long.MaxValue, BatchSize = 1, Shards = 1 << 20, MicroBatch = 1, Seed = 0 },
            Optimizer = new()
            {
                LearningRate = 1e-9,
                MinLearningRate = 1e-9,
                WarmupSteps = 0,
                Beta1 = 0,
                Beta2 = 0,
                Epsilon = 1.1754944e-38,
                WeightDecay = 0,
                GradientClip = 0
            },
            Data = new() { Sha256 = new string('0', 64), Bytes = 4, Encoding = "uint16" },
            Collective = new() { BlockElements = 16, WindowBlocks = 1 },
            FaultTolerance = new()
            {
                StartTimeout = TimeSpan.Zero,
                GatherDelay = TimeSpan.Zero,
                StateTimeout = TimeSpan.Zero,
                PeerTimeout = TimeSpan.FromDays(7),
            },
            Secret = Convert.ToBase64String(new byte[32]),
        }));

    public static TheoryData<string, string> Problems()
    {
        var data = new TheoryData<string, string>();
        foreach (var (name, (_, message)) in Cases)
            data.Add(name, message);

        return data;
    }

    [Theory]
    [MemberData(nameof(Problems))]
    public void A_value_out_of_range_is_the_one_problem(string name, string message) =>
        Assert.Equal([message], JobSpecValidator.Validate(Cases[name].Spec).Select(problem => problem.ToString()));

    [Fact]
    public void A_secret_is_never_shown() =>
        Assert.Equal(
            [new JobSpecProblem("secret", "(hidden)", "base64 of 32 bytes", "leave it empty: the server draws one")],
            JobSpecValidator.Validate(Valid with { Secret = "hunter2" }));

    [Fact]
    public void The_linear_program_is_not_held_to_the_gpts_shape() =>
        Assert.Empty(JobSpecValidator.Validate(
            Valid with { Model = new() { Program = "linear", Channels = 7, Heads = 3, Layers = 0, Block = 0, Vocab = 0 } }));

    private static readonly TimeSpan Negative = TimeSpan.FromSeconds(-1);

    private static readonly SortedDictionary<string, (JobSpec Spec, string Message)> Cases = new(StringComparer.Ordinal)
    {
        ["no name"] = (
            Valid with { Name = "" },
                "job.name is '' but must be 1 to 100 characters without control characters or unseen ones; choose another name"),
        ["name that is written from right to left"] = (
            Valid with { Name = "a\u202Eb" },
                "job.name is 'a\uFFFDb' but must be 1 to 100 characters without control characters or unseen ones; choose another name"),
        ["timeout of 100 ns"] = (
            Valid with { FaultTolerance = new FaultToleranceSpec { AnswerTimeout = TimeSpan.FromTicks(1) } },
            "fault_tolerance.answer_timeout is 0.0001ms but must be 1ms to 604800s; raise fault_tolerance.answer_timeout"),
        ["delay of 100 ns"] = (
            Valid with { FaultTolerance = new FaultToleranceSpec { GatherDelay = TimeSpan.FromTicks(1) } },
            "fault_tolerance.gather_delay is 0.0001ms but must be 0s, or 1ms to 604800s; raise fault_tolerance.gather_delay"),
        ["name that steers a terminal"] = (
            Valid with { Name = "\u001b[2J" },
                "job.name is '\uFFFD[2J' but must be 1 to 100 characters without control characters or unseen ones; choose another name"),
        ["more ranks than shards"] = (
            Valid with { Ranks = 5 },
            "job.ranks is 5 but must be 1 to the number of shards, 4; lower job.ranks to 4 or raise training.shards"),
        ["min above ranks"] = (
            Valid with { Ranks = 2, MinRanks = 3 }, "job.min_ranks is 3 but must be 1 to job.ranks, 2; set job.min_ranks in that range"),
        ["program"] = (
            Model(m => m with { Program = "llama" }),
            "model.program is 'llama' but must be gpt, linear, dotnet or process; choose one of these"),
        ["layers"] = (Model(m => m with { Layers = 0 }), "model.layers is 0 but must be 1 or more; raise model.layers"),
        ["heads"] = (
            Model(m => m with { Heads = 6 }),
            "model.heads is 6 but must be a divisor of model.channels, 128; set model.channels to 132 or change model.heads"),
        ["vocab"] = (Model(m => m with { Vocab = 65537 }), "model.vocab is 65537 but must be 2 to 65536; lower model.vocab"),
        ["dropout"] = (
            Model(m => m with { Dropout = 1 }),
            "model.dropout is 1 but must be 0 or more and below 1; set model.dropout to 0 to turn it off"),
        ["dropout that is no number"] = (
            Model(m => m with { Dropout = double.NaN }),
            "model.dropout is NaN but must be 0 or more and below 1; set model.dropout to 0 to turn it off"),
        ["size"] = (
            Model(m => m with { Channels = int.MaxValue - 3 }),
            "model.channels is 2147483644 but must be small enough for at most 536870897 parameters, where this model has "
                + "221360928863039782184; "
            + "lower model.channels, model.layers, model.vocab or model.block"),
        ["size of a third of 2^31 parameters"] = (
            Model(m => m with { Channels = 7720, Layers = 1, Heads = 1 }),
            "model.channels is 7720 but must be small enough for at most 536870897 parameters, where this model has 717767000; "
            + "lower model.channels, model.layers, model.vocab or model.block"),
        ["size of a linear model"] = (
            Model(m => m with { Program = "linear", Channels = 536870897 }),
            "model.channels is 536870897 but must be small enough for at most 536870897 parameters, where this model has 536870898; lower "
                + "model.channels"),
        ["a pass beyond an array"] = (
            Valid with
            {
                Model = Valid.Model with { Block = 1 << 20, Channels = 4 },
                Training = Valid.Training with { BatchSize = 8192, MicroBatch = 4096 },
            },
            "training.micro_batch is 4096 but must be at most 2047, so that a pass has no more than 2147483591 tokens with model.block "
                + "1048576; lower training.micro_batch"),
        ["epsilon that is 0 on the device"] = (
            Optimizer(o => o with { Epsilon = 1e-300 }),
            "optimizer.epsilon is 1E-300 but must be a finite number that float32 tells from 0, 1E-45 or more; set optimizer.epsilon to "
                + "1e-8"),
        ["epsilon that some devices take for 0"] = (
            Optimizer(o => o with { Epsilon = 1e-40 }),
            "optimizer.epsilon is 1E-40 but must be 0, or 1.1754944E-38 to 3.4028235E+38, which float32 can hold; raise optimizer.epsilon, "
                + "or set it to 0 where that is allowed"),
        ["learning rate that is 0 on the device"] = (
            Optimizer(o => o with { LearningRate = 1e-310, MinLearningRate = 0 }),
            "optimizer.learning_rate is 1E-310 but must be 0, or 1.1754944E-38 to 3.4028235E+38, which float32 can hold; raise "
                + "optimizer.learning_rate, or set it to 0 where that is allowed"),
        ["learning rate that is infinite on the device"] = (
            Optimizer(o => o with { LearningRate = 1e39 }),
            "optimizer.learning_rate is 1E+39 but must be 0, or 1.1754944E-38 to 3.4028235E+38, which float32 can hold; lower "
                + "optimizer.learning_rate"),
        ["beta that is 1 on the device"] = (
            Optimizer(o => o with { Beta2 = 0.999999999 }),
                "optimizer.beta2 is 0.999999999 but must be a number that float32 tells from 1; lower optimizer.beta2"),
        ["steps"] = (Training(t => t with { Steps = 0 }), "training.steps is 0 but must be 1 or more; raise training.steps"),
        ["samples beyond 63 bits"] = (
            Training(t => t with { Steps = long.MaxValue }),
            "training.steps is 9223372036854775807 but must be at most 576460752303423487 with this batch size, for samples are counted "
                + "with 63 bits; lower training.steps"),
        ["batch"] = (Training(t => t with { BatchSize = 0 }), "training.batch_size is 0 but must be 1 or more; raise training.batch_size"),
        ["few shards"] = (
            Training(t => t with { Shards = 2 }),
            "training.shards is 2 but must be a power of two, 4 to 1048576; set training.shards to 4"),
        ["odd shards"] = (
            Training(t => t with { Shards = 12 }),
            "training.shards is 12 but must be a power of two, 4 to 1048576; set training.shards to 16"),
        ["many shards"] = (
            Training(t => t with { Shards = 1 << 30 }),
            "training.shards is 1073741824 but must be a power of two, 4 to 1048576; set training.shards to 1048576"),
        ["micro-batch"] = (
            Training(t => t with { MicroBatch = 0 }), "training.micro_batch is 0 but must be 1 or more; raise training.micro_batch"),
        ["learning rate"] = (
            Optimizer(o => o with { LearningRate = double.PositiveInfinity }),
            "optimizer.learning_rate is Infinity but must be a finite number above 0; raise optimizer.learning_rate"),
        ["least learning rate"] = (
            Optimizer(o => o with { LearningRate = 1e-5 }),
            "lr_scheduler.min_learning_rate is 0.0001 but must be 0 to optimizer.learning_rate, 1E-05; set lr_scheduler.min_learning_rate "
                + "to a tenth of it, or to it for no decay"),
        ["warm-up"] = (
            Optimizer(o => o with { WarmupSteps = -1 }),
            "lr_scheduler.warmup_steps is -1 but must be 0 or more; raise lr_scheduler.warmup_steps"),
        ["beta"] = (
            Optimizer(o => o with { Beta2 = 1 }), "optimizer.beta2 is 1 but must be 0 or more and below 1; set optimizer.beta2 to 0.9"),
        ["clip"] = (
            Optimizer(o => o with { GradientClip = -1 }),
            "optimizer.gradient_clip is -1 but must be a finite number, 0 or more; set optimizer.gradient_clip to 0 to turn it off"),
        ["encoding"] = (
            Valid with { Data = new() { Encoding = "utf-7" } },
            "data.encoding is 'utf-7' but must be bytes, uint16 or float32; choose one of these"),
        ["hash"] = (
            Valid with { Data = new() { Sha256 = "ABC", Bytes = 99 } },
            "data.sha256 is 'ABC' but must be 64 lower-case hexadecimal digits; give the hash that freezing the data printed"),
        ["short data"] = (
            Valid with { Data = new() { Sha256 = new string('0', 64), Bytes = 64 } },
            "data.bytes is 64 but must be at least 65, one sample of model.block + 1 tokens; give longer data or lower model.block"),
        ["half a token"] = (
            Valid with { Data = new() { Sha256 = new string('0', 64), Bytes = 131, Encoding = "uint16" } },
            "data.bytes is 131 but must be a size of whole tokens, 2 bytes each; freeze the data again"),
        ["block"] = (
            Valid with { Collective = new() { BlockElements = 24 } },
            "collective.block_elements is 24 but must be a multiple of 16, 16 to 4194304; set collective.block_elements to 16384"),
        ["window"] = (
            Valid with { Collective = new() { WindowBlocks = 0 } },
            "collective.window_blocks is 0 but must be 1 to 65536; raise collective.window_blocks"),
        ["timeout of nothing"] = (
            Valid with { FaultTolerance = new() { PeerTimeout = TimeSpan.Zero } },
            "fault_tolerance.peer_timeout is 0s but must be 1ms to 604800s; raise fault_tolerance.peer_timeout"),
        ["timeout of ages"] = (
            Valid with { FaultTolerance = new() { StateTimeout = TimeSpan.MaxValue } },
            "fault_tolerance.state_timeout is 922337203685.4775s but must be 0s, or 1ms to 604800s; lower fault_tolerance.state_timeout"),
        ["start timeout"] = (
            Valid with { FaultTolerance = new() { StartTimeout = Negative } },
            "fault_tolerance.start_timeout is -1s but must be 0s, or 1ms to 604800s; raise fault_tolerance.start_timeout"),
        ["answer timeout"] = (
            Valid with { FaultTolerance = new() { AnswerTimeout = Negative } },
            "fault_tolerance.answer_timeout is -1s but must be 1ms to 604800s; raise fault_tolerance.answer_timeout"),
        ["gather delay"] = (
            Valid with { FaultTolerance = new() { GatherDelay = Negative } },
            "fault_tolerance.gather_delay is -1s but must be 0s, or 1ms to 604800s; raise fault_tolerance.gather_delay"),
        ["progress timeout"] = (
            Valid with { FaultTolerance = new() { ProgressTimeout = TimeSpan.Zero } },
            "fault_tolerance.progress_timeout is 0s but must be 1ms to 604800s; raise fault_tolerance.progress_timeout"),
        ["no checkpoint kept"] = (
            Valid with { Checkpoint = new() { KeepLatest = 0 } },
            "checkpoint.keep_latest is 0 but must be 1 or more; raise checkpoint.keep_latest"),
        ["every minus first checkpoint kept"] = (
            Valid with { Checkpoint = new() { KeepEvery = -1 } },
            "checkpoint.keep_every is -1 but must be 0 or more; raise checkpoint.keep_every"),
        ["restored before it is lost"] = (
            Valid with { Checkpoint = new() { RestoreAfter = Negative } },
            "checkpoint.restore_after is -1s but must be 0s, or 1ms to 604800s; raise checkpoint.restore_after"),
    };

    private static JobSpec Model(Func<ModelSpec, ModelSpec> change) => Valid with { Model = change(Valid.Model) };

    private static JobSpec Training(Func<TrainingSpec, TrainingSpec> change) => Valid with { Training = change(Valid.Training) };

    private static JobSpec Optimizer(Func<OptimizerSpec, OptimizerSpec> change) => Valid with { Optimizer = change(Valid.Optimizer) };
}
