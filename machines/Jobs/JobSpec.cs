using System.Text.Json.Serialization;

namespace Coordinator.Machines.Jobs;

/// <summary>
/// Everything that decides a job's final weights, together with what decides how failures are met. Fixed at submission, but for what
/// <see cref="JobExtent"/> holds.
/// Two jobs with equal <see cref="Model"/>, <see cref="Training"/>, <see cref="Optimizer"/>, <see cref="Data"/>,
/// <see cref="Initial"/>, <see cref="Program"/>, <see cref="Settings"/> and <see cref="Collective"/> end with the same bits on one device
/// class, whatever their number of ranks and whatever fails.
/// </summary>
public sealed record JobSpec
{
    /// <summary>A name for people; it need not be unique.</summary>
    public string Name { get; init; } = "train";

    /// <summary>Ranks wanted; the job grows to this number and never beyond it. 1 to <see cref="TrainingSpec.Shards"/>.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>Fewest ranks with which the job goes on; below it the job waits. 1 to <see cref="Ranks"/>.</summary>
    public int MinRanks { get; init; } = 1;

    /// <summary>
    /// How important the job is beside others, -1000 to 1000: where gpus or power are too few for all, the higher one gets them first and
    /// the lowest one gives back first. Decides no bit of the model.
    /// </summary>
    public int Priority { get; init; }

    /// <summary>
    /// Class of the devices that may compute the job, or its first words (<c>ilgpu-1.5.3-cuda</c>); empty: whichever the most free gpus
    /// have when the job starts. All ranks are of one class, named or not: others would compute different bits.
    /// </summary>
    public string DeviceClass { get; init; } = "";

    /// <summary>The program and its shape.</summary>
    public ModelSpec Model { get; init; } = new();

    /// <summary>Length, batch and shards.</summary>
    public TrainingSpec Training { get; init; } = new();

    /// <summary>AdamW and the learning-rate schedule.</summary>
    public OptimizerSpec Optimizer { get; init; } = new();

    /// <summary>The frozen data set.</summary>
    public DataSpec Data { get; init; } = new();

    /// <summary>The weights that the job starts from, frozen like the data; null: those that its seed gives.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public InitialSpec? Initial { get; init; }

    /// <summary>A team's own program, a process or an assembly; null for those that are built in.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ProgramSpec? Program { get; init; }

    /// <summary>What the job tells its own program, by that program's names; null: nothing, and for programs that have none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JobSettings? Settings { get; init; }

    /// <summary>Block size and flow control of the all-reduce.</summary>
    public CollectiveSpec Collective { get; init; } = new();

    /// <summary>Timeouts, and what to do when state is out of reach.</summary>
    public FaultToleranceSpec FaultTolerance { get; init; } = new();

    /// <summary>When the state is saved, and what is kept.</summary>
    public CheckpointSpec Checkpoint { get; init; } = new();

    /// <summary>
    /// Secret from which per-generation data-plane keys are derived, base64 of 32 bytes; drawn by the server at submission.
    /// </summary>
    public string Secret { get; init; } = "";
}

/// <summary>A training program and its shape.</summary>
public sealed record ModelSpec
{
    /// <summary>
    /// One of <see cref="Programs.ProgramKinds"/>: <c>gpt</c>, <c>linear</c>, or <c>process</c> or <c>dotnet</c> for a program of one's
    /// own.
    /// </summary>
    public string Program { get; init; } = "gpt";

    /// <summary>Transformer layers (gpt).</summary>
    public int Layers { get; init; } = 4;

    /// <summary>Attention heads; divides <see cref="Channels"/> (gpt).</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Width of the residual stream (gpt), or number of inputs (linear).</summary>
    public int Channels { get; init; } = 128;

    /// <summary>Context length in tokens (gpt).</summary>
    public int Block { get; init; } = 64;

    /// <summary>Number of symbols: 256 for bytes (gpt).</summary>
    public int Vocab { get; init; } = 256;

    /// <summary>Probability that dropout zeroes an activation, 0 to less than 1 (gpt).</summary>
    public double Dropout { get; init; }
}

/// <summary>Length, batch and shards of a job.</summary>
public sealed record TrainingSpec
{
    /// <summary>Optimizer steps N; the job ends when step N is applied. At least 1.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary>Sequences in a global batch, B. At least 1.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Logical slices of every global batch, L: a power of two, at least 4.</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Sequences in one forward and backward pass inside a shard; the gradient's bits depend on it. At least 1.</summary>
    public int MicroBatch { get; init; } = 4;

    /// <summary>Seed of initialisation, data order and dropout.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Whether the job goes on where the loss or the gradient norm of a step is not a number; else it ends at the first such step (<see
    /// cref="Policies.FiniteNumbers"/>).
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool AllowNonfinite { get; init; }
}

/// <summary>AdamW with decoupled weight decay, clipping by global norm, linear warm-up and cosine decay.</summary>
public sealed record OptimizerSpec
{
    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Learning rate at the end of the decay.</summary>
    public double MinLearningRate { get; init; } = 1e-4;

    /// <summary>Steps of linear warm-up from 0; step s uses s / WarmupSteps of the peak.</summary>
    public long WarmupSteps { get; init; } = 100;

    /// <summary>
    /// Step at which the cosine has come down to <see cref="MinLearningRate"/>, which later steps keep; 0: the job's last step. A job whose
    /// steps are raised keeps it where it was, so that the rates of the steps that it has trained stay what they were.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long DecaySteps { get; init; }

    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay; applies to tensors of two dimensions or more.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Largest global gradient norm; 0 turns clipping off.</summary>
    public double GradientClip { get; init; } = 1.0;
}

/// <summary>A data set, frozen by content hash at submission.</summary>
public sealed record DataSpec
{
    /// <summary>The encoding of tables of numbers.</summary>
    public const string Table = "float32";

    /// <summary>Most columns of a table.</summary>
    public const int MostColumns = 1 << 20;

    /// <summary>Lower-case hexadecimal SHA-256 of the frozen file, which is also its name in the data store.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Size of the frozen file in bytes.</summary>
    public long Bytes { get; init; }

    /// <summary>
    /// <c>bytes</c> (vocabulary 256), <c>uint16</c> (token shards) or <c>float32</c> (rows of numbers, one behind the other).
    /// </summary>
    public string Encoding { get; init; } = "bytes";

    /// <summary>Numbers in a row of a table; 0 for anything else.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Columns { get; init; }

    /// <summary>Bytes of a token, or of a row of a table.</summary>
    [JsonIgnore]
    public int BytesPerSample => Encoding switch
    {
        "bytes" => 1,
        Table => Columns * sizeof(float),
        _ => 2,
    };
}

/// <summary>
/// Parameters of step 0 from a safetensors file, with the tensors of the job's own model; the optimizer's moments begin at zero all the
/// same, and the learning rate at its warm-up. Named by the file's hash, so that the bits stay a function of the spec.
/// </summary>
public sealed record InitialSpec
{
    /// <summary>Lower-case hexadecimal SHA-256 of the file, which is also its name in the data store.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Size of the file in bytes.</summary>
    public long Bytes { get; init; }
}

/// <summary>Block size and flow control of the all-reduce.</summary>
public sealed record CollectiveSpec
{
    /// <summary>
    /// Elements in a block: the unit of transfer, of tagging and of the gradient norm. A multiple of 16. Part of what decides the bits.
    /// </summary>
    public int BlockElements { get; init; } = 16384;

    /// <summary>Blocks that a contributor may send to one owner before the owner has finished the first of them. At least 1.</summary>
    public int WindowBlocks { get; init; } = 32;
}

/// <summary>Timeouts of a job, and what it does when the state is out of reach.</summary>
public sealed record FaultToleranceSpec
{
    /// <summary>
    /// How long the job waits for all <see cref="JobSpec.Ranks"/> before it starts with fewer, once <see cref="JobSpec.MinRanks"/> are
    /// there.
    /// A rank that is still being prepared (its data are opened, a library is loaded) is waited for as long, and joins later.
    /// </summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time a member has to answer a new generation before it is failed; 2 ms more for each member of the job, and no less after the last
    /// answer of another one.
    /// </summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Silence on a data-plane connection after which its peer is accused.</summary>
    public TimeSpan PeerTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long accusations on soft evidence are gathered before a decision.</summary>
    public TimeSpan GatherDelay { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>
    /// How long a generation may report no progress while a member's node is out of reach, before that member is failed; after a job was
    /// loaded anew, 2 ms more for each member that it has not heard of.
    /// </summary>
    public TimeSpan ProgressTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Least time after which a device that has not ended a shard or an update counts as hanging; twenty times the longest that it took
    /// before is waited for where that is more, and ten minutes for its first. A program has four times as long. Zero: nothing hangs.
    /// Null: 30 s.
    /// </summary>
    public TimeSpan? HangTimeout { get; init; }

    /// <summary><see cref="HangTimeout"/>, whether it was said or not.</summary>
    [JsonIgnore]
    public TimeSpan HangTime => HangTimeout ?? TimeSpan.FromSeconds(30);

    /// <summary>How long the job waits for a member that holds the state before it fails. Zero waits for ever.</summary>
    public TimeSpan StateTimeout { get; init; } = TimeSpan.FromMinutes(10);
}
