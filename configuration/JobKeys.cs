using Coordinator.Machines.Jobs;

namespace Coordinator.Configuration;

/// <summary>
/// All keys of a job file. Sections are torchtitan's where it has one for the matter, with <c>data</c> and <c>collective</c> beside;
/// a section or key is here only once something acts on it.
/// </summary>
internal static class JobKeys
{
    /// <summary>Training data by path: no field of the spec, which knows frozen data only.</summary>
    public const string DataPath = "data.path";

    /// <summary>Weights to start from by path: no field of the spec, which knows frozen weights only.</summary>
    public const string InitialPath = "checkpoint.initial_load_path";

    /// <summary>A program of one's own by path: no field of the spec, which knows frozen programs only.</summary>
    public const string ProgramPath = "program.path";

    /// <summary>In the order in which an effective job file shows them; sections are contiguous.</summary>
    public static readonly IReadOnlyList<JobKey> All =
    [
        JobKey.Word("job.name", s => s.Name, (s, v) => s with { Name = v }),
        JobKey.Int("job.ranks", s => s.Ranks, (s, v) => s with { Ranks = v }),
        JobKey.Int("job.min_ranks", s => s.MinRanks, (s, v) => s with { MinRanks = v }),
        JobKey.Int("job.priority", s => s.Priority, (s, v) => s with { Priority = v }),
        JobKey.Word("job.device_class", s => s.DeviceClass, (s, v) => s with { DeviceClass = v }),
        JobKey.Word("model.program", s => s.Model.Program, (s, v) => Model(s, s.Model with { Program = v })),
        JobKey.Int("model.layers", s => s.Model.Layers, (s, v) => Model(s, s.Model with { Layers = v })),
        JobKey.Int("model.heads", s => s.Model.Heads, (s, v) => Model(s, s.Model with { Heads = v })),
        JobKey.Int("model.channels", s => s.Model.Channels, (s, v) => Model(s, s.Model with { Channels = v })),
        JobKey.Int("model.block", s => s.Model.Block, (s, v) => Model(s, s.Model with { Block = v })),
        JobKey.Int("model.vocab", s => s.Model.Vocab, (s, v) => Model(s, s.Model with { Vocab = v })),
        JobKey.Real("model.dropout", s => s.Model.Dropout, (s, v) => Model(s, s.Model with { Dropout = v })),
        JobKey.Word("program.entry", s => s.Program?.Entry ?? "", (s, v) => Program(s, Own(s) with { Entry = v })),
        JobKey.Word("program.python", s => Own(s).Python, (s, v) => Program(s, Own(s) with { Python = v })),
        JobKey.Word("program.arguments", s => Own(s).Arguments, (s, v) => Program(s, Own(s) with { Arguments = v })),
        JobKey.Int("program.threads", s => Own(s).Threads, (s, v) => Program(s, Own(s) with { Threads = v })),
        JobKey.Int("program.warm_up_shards", s => Own(s).WarmUpShards, (s, v) => Program(s, Own(s) with { WarmUpShards = v })),
        JobKey.Int("program.check_every", s => Own(s).CheckEvery, (s, v) => Program(s, Own(s) with { CheckEvery = v })),
        JobKey.Duration("program.start_timeout", s => Own(s).StartTimeout, (s, v) => Program(s, Own(s) with { StartTimeout = v })),
        JobKey.Duration("program.hang_timeout", s => Own(s).HangTimeout, (s, v) => Program(s, Own(s) with { HangTimeout = v })),
        JobKey.Flag(
            "program.allow_nondeterminism", s => Own(s).AllowNondeterminism, (s, v) => Program(s, Own(s) with { AllowNondeterminism = v })),
        JobKey.Word("program.sha256", s => Own(s).Sha256, (s, v) => Program(s, Own(s) with { Sha256 = v })),
        JobKey.Long("program.bytes", s => Own(s).Bytes, (s, v) => Program(s, Own(s) with { Bytes = v })),
        JobKey.Long("training.steps", s => s.Training.Steps, (s, v) => Training(s, s.Training with { Steps = v })),
        JobKey.Int("training.batch_size", s => s.Training.BatchSize, (s, v) => Training(s, s.Training with { BatchSize = v })),
        JobKey.Int("training.shards", s => s.Training.Shards, (s, v) => Training(s, s.Training with { Shards = v })),
        JobKey.Int("training.micro_batch", s => s.Training.MicroBatch, (s, v) => Training(s, s.Training with { MicroBatch = v })),
        JobKey.Seed("training.seed", s => s.Training.Seed, (s, v) => Training(s, s.Training with { Seed = v })),
        JobKey.Flag(
            "training.allow_nonfinite", s => s.Training.AllowNonfinite, (s, v) => Training(s, s.Training with { AllowNonfinite = v })),
        JobKey.Real(
            "optimizer.learning_rate", s => s.Optimizer.LearningRate, (s, v) => Optimizer(s, s.Optimizer with { LearningRate = v })),
        JobKey.Real("optimizer.beta1", s => s.Optimizer.Beta1, (s, v) => Optimizer(s, s.Optimizer with { Beta1 = v })),
        JobKey.Real("optimizer.beta2", s => s.Optimizer.Beta2, (s, v) => Optimizer(s, s.Optimizer with { Beta2 = v })),
        JobKey.Real("optimizer.epsilon", s => s.Optimizer.Epsilon, (s, v) => Optimizer(s, s.Optimizer with { Epsilon = v })),
        JobKey.Real("optimizer.weight_decay", s => s.Optimizer.WeightDecay, (s, v) => Optimizer(s, s.Optimizer with { WeightDecay = v })),
        JobKey.Real(
            "optimizer.gradient_clip", s => s.Optimizer.GradientClip, (s, v) => Optimizer(s, s.Optimizer with { GradientClip = v })),
        JobKey.Long(
            "lr_scheduler.warmup_steps", s => s.Optimizer.WarmupSteps, (s, v) => Optimizer(s, s.Optimizer with { WarmupSteps = v })),
        JobKey.Long("lr_scheduler.decay_steps", s => s.Optimizer.DecaySteps, (s, v) => Optimizer(s, s.Optimizer with { DecaySteps = v })),
        JobKey.Real(
            "lr_scheduler.min_learning_rate",
            s => s.Optimizer.MinLearningRate,
            (s, v) => Optimizer(s, s.Optimizer with { MinLearningRate = v })),
        JobKey.Int(
            "collective.block_elements", s => s.Collective.BlockElements, (s, v) => Collective(s, s.Collective with { BlockElements = v })),
        JobKey.Int(
            "collective.window_blocks", s => s.Collective.WindowBlocks, (s, v) => Collective(s, s.Collective with { WindowBlocks = v })),
        JobKey.Duration(
            "fault_tolerance.start_timeout",
            s => s.FaultTolerance.StartTimeout,
            (s, v) => Faults(s, s.FaultTolerance with { StartTimeout = v })),
        JobKey.Duration(
            "fault_tolerance.answer_timeout",
            s => s.FaultTolerance.AnswerTimeout,
            (s, v) => Faults(s, s.FaultTolerance with { AnswerTimeout = v })),
        JobKey.Duration(
            "fault_tolerance.peer_timeout",
            s => s.FaultTolerance.PeerTimeout,
            (s, v) => Faults(s, s.FaultTolerance with { PeerTimeout = v })),
        JobKey.Duration(
            "fault_tolerance.gather_delay",
            s => s.FaultTolerance.GatherDelay,
            (s, v) => Faults(s, s.FaultTolerance with { GatherDelay = v })),
        JobKey.Duration(
            "fault_tolerance.progress_timeout",
            s => s.FaultTolerance.ProgressTimeout,
            (s, v) => Faults(s, s.FaultTolerance with { ProgressTimeout = v })),
        JobKey.Duration(
            "fault_tolerance.hang_timeout",
            s => s.FaultTolerance.HangTime,
            (s, v) => v == s.FaultTolerance.HangTime ? s : Faults(s, s.FaultTolerance with { HangTimeout = v })),
        JobKey.Duration(
            "fault_tolerance.state_timeout",
            s => s.FaultTolerance.StateTimeout,
            (s, v) => Faults(s, s.FaultTolerance with { StateTimeout = v })),
        JobKey.Word("checkpoint.interval", s => s.Checkpoint.Interval, (s, v) => Checkpoint(s, s.Checkpoint with { Interval = v })),
        JobKey.Int("checkpoint.keep_latest", s => s.Checkpoint.KeepLatest, (s, v) => Checkpoint(s, s.Checkpoint with { KeepLatest = v })),
        JobKey.Long("checkpoint.keep_every", s => s.Checkpoint.KeepEvery, (s, v) => Checkpoint(s, s.Checkpoint with { KeepEvery = v })),
        JobKey.Duration(
            "checkpoint.restore_after", s => s.Checkpoint.RestoreAfter, (s, v) => Checkpoint(s, s.Checkpoint with { RestoreAfter = v })),
        JobKey.Word(
            "checkpoint.initial_load_sha256",
            s => s.Initial?.Sha256 ?? "",
            (s, v) => s with { Initial = (s.Initial ?? new()) with { Sha256 = v } }),
        JobKey.Long(
            "checkpoint.initial_load_bytes",
            s => s.Initial?.Bytes ?? 0,
            (s, v) => s with { Initial = (s.Initial ?? new()) with { Bytes = v } }),
        JobKey.Word("data.sha256", s => s.Data.Sha256, (s, v) => Data(s, s.Data with { Sha256 = v })),
        JobKey.Long("data.bytes", s => s.Data.Bytes, (s, v) => Data(s, s.Data with { Bytes = v })),
        JobKey.Word("data.encoding", s => s.Data.Encoding, (s, v) => Data(s, s.Data with { Encoding = v })),
        JobKey.Int("data.columns", s => s.Data.Columns, (s, v) => Data(s, s.Data with { Columns = v })),
    ];

    /// <summary>Every dotted name, also <see cref="DataPath"/>, <see cref="InitialPath"/> and <see cref="ProgramPath"/>.</summary>
    public static readonly IReadOnlyList<string> Names = [.. All.Select(key => key.Name), DataPath, InitialPath, ProgramPath];

    /// <summary>The section of what a job tells its own program: which keys it has, that program says.</summary>
    public const string Settings = "settings";

    /// <summary>Every section's name.</summary>
    public static readonly IReadOnlyList<string> Sections = [.. All.Select(key => key.Section).Distinct(), Settings];

    private static readonly Dictionary<string, JobKey> ByName = All.ToDictionary(key => key.Name, StringComparer.Ordinal);

    /// <summary>The key of this name; null where there is none.</summary>
    public static JobKey? Find(string name) => ByName.GetValueOrDefault(name) ?? (SettingOf(name) is { } setting ? SettingKey(setting)
        : null);

    /// <summary>Whether there is a key of that name, also one of those that name files.</summary>
    public static bool IsKnown(string name) => Names.Contains(name) || SettingOf(name) is not null;

    /// <summary>All keys by which a job has something to say, with the settings of its own program.</summary>
    public static IEnumerable<JobKey> Of(JobSpec spec) =>
        All.Where(key => IsOf(key, spec)).Concat((spec.Settings ?? JobSettings.Empty).ByName.Keys.Select(SettingKey));

    /// <summary>Whether a key speaks of the weights that a job starts from, which most jobs have none of.</summary>
    public static bool IsInitial(JobKey key) => key.Name.StartsWith("checkpoint.initial_load_", StringComparison.Ordinal);

    /// <summary>Whether a key speaks of a file that is frozen by its hash: it is known only once the file has been read.</summary>
    public static bool IsFrozenFile(JobKey key) =>
        key.Section == "data" || IsInitial(key) || key.Name is "program.sha256" or "program.bytes";

    /// <summary>Whether a job has anything to say by a key: most have no weights to start from, no program of their own and no
    /// table.</summary>
    public static bool IsOf(JobKey key, JobSpec spec) =>
        (spec.Initial is not null || !IsInitial(key)) && (spec.Program is not null || key.Section != "program")
        && (spec.Data.Columns > 0 || key.Name != "data.columns");

    /// <summary>The name of a program's setting that a key stands for; null where it is none.</summary>
    private static string? SettingOf(string key) =>
        key.StartsWith(Settings + ".", StringComparison.Ordinal) && key[(Settings.Length + 1)..] is var name && JobSettings.IsName(name)
            ? name : null;

    private static JobKey SettingKey(string name) => JobKey.Word(
        $"{Settings}.{name}", s => s.Settings?[name] ?? "", (s, v) => s with
        {
            Settings = (s.Settings ?? JobSettings.Empty).With(name, v),
        });

    private static JobSpec Model(JobSpec spec, ModelSpec model) => spec with { Model = model };

    private static ProgramSpec Own(JobSpec spec) => spec.Program ?? new ProgramSpec();

    private static JobSpec Program(JobSpec spec, ProgramSpec program) => spec with { Program = program };

    private static JobSpec Training(JobSpec spec, TrainingSpec training) => spec with { Training = training };

    private static JobSpec Optimizer(JobSpec spec, OptimizerSpec optimizer) => spec with { Optimizer = optimizer };

    private static JobSpec Collective(JobSpec spec, CollectiveSpec collective) => spec with { Collective = collective };

    private static JobSpec Faults(JobSpec spec, FaultToleranceSpec faults) => spec with { FaultTolerance = faults };

    private static JobSpec Checkpoint(JobSpec spec, CheckpointSpec checkpoint) => spec with { Checkpoint = checkpoint };

    private static JobSpec Data(JobSpec spec, DataSpec data) => spec with { Data = data };
}
