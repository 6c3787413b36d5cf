using System.Numerics;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Machines.Jobs.Programs;
using static Coordinator.Machines.Jobs.JobSpecProblems;

namespace Coordinator.Machines.Jobs;

/// <summary>
/// Says whether a job can run at all, before anything is started: the same answer in the command line, in the server, on the workers and in
/// the tests. A rule that stood anywhere else would let jobs pass that fail later. Looks at the spec alone; whether the data exists or a
/// device has room is for others to find.
/// </summary>
public static class JobSpecValidator
{
    /// <summary>Most shards of a job: a million GPUs need no more, and their numbers fit the collective's frames.</summary>
    public const int MostShards = 1 << 20;

    /// <summary>Most tokens in a vocabulary: what 16 bits can tell apart.</summary>
    public const int MostVocab = 1 << 16;

    /// <summary>Largest block of the collective in elements: 16 MiB of float32, which a frame still holds.</summary>
    public const int MostBlockElements = 1 << 22;

    /// <summary>Most parameters: a gradient, 4 bytes each, is one array, of which .NET lets none have more than 2^31 - 57 bytes.</summary>
    public const int MostParameters = MostArrayElements / sizeof(float);

    /// <summary>Most tokens of one forward and backward pass: their numbers are one array.</summary>
    public const int MostTokensOfPass = MostArrayElements;

    private const int MostArrayElements = 0x7FFFFFC7;

    /// <summary>Highest priority of a job; the lowest is as far below zero.</summary>
    public const int MostPriority = 1000;

    /// <summary>Shortest timeout that is none: no clock and no network is finer, and a job that waits for less waits for nobody.</summary>
    public static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(1);

    /// <summary>Longest timeout.</summary>
    public static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(7);

    /// <summary>Every problem of a spec, in the order of its fields; none when it can run.</summary>
    public static IReadOnlyList<JobSpecProblem> Validate(JobSpec spec)
    {
        var problems = new JobSpecProblems();
        CheckJob(problems, spec);
        CheckComputation(problems, spec);
        CheckSingles(problems, spec);
        CheckData(problems, spec);
        CheckCollective(problems, spec.Collective);
        CheckFaultTolerance(problems, spec.FaultTolerance);
        CheckCheckpoint(problems, spec.Checkpoint);
        CheckInitial(problems, spec.Initial);
        CheckMemory(problems, spec);
        return problems.Found;
    }

    /// <summary>Every problem of a spec that is submitted: by then the data that its program reads must be frozen.</summary>
    public static IReadOnlyList<JobSpecProblem> ValidateSubmitted(JobSpec spec)
    {
        var found = Validate(spec);
        return ProgramKinds.Of(spec)?.MissingFile(spec) is { } missing ? [.. found, missing] : found;
    }

    // Only what is in range otherwise: a count below zero has its own problem.
    private static void CheckMemory(JobSpecProblems problems, JobSpec spec)
    {
        if (problems.Found.Count == 0 && JobMemory.LeastBytes(spec) is var bytes && bytes > JobMemory.Most)
        {
            problems.Add(
                "model.block", Text(spec.Model.Block),
                $"small enough for {JobMemory.Text(JobMemory.Most)} of memory, where a rank of this job needs {JobMemory.Text(bytes)}",
                "lower model.block, training.micro_batch, model.layers or model.channels");
        }
    }

    /// <summary>
    /// Those problems of a spec that keep its program from being computed. A worker asks for no others: a job that an older coordinator has
    /// taken in runs to its end, also where a name or a timeout would be refused today.
    /// </summary>
    public static IReadOnlyList<JobSpecProblem> ValidateComputation(JobSpec spec)
    {
        var problems = new JobSpecProblems();
        CheckComputation(problems, spec);
        return problems.Found;
    }

    /// <summary>Parameters of a model; beyond any limit they are still counted. 0 where the spec does not say.</summary>
    public static BigInteger CountParameters(ModelSpec model) => ProgramKinds.Find(model.Program)?.CountParameters(model) ?? 0;

    private static void CheckComputation(JobSpecProblems problems, JobSpec spec)
    {
        CheckModel(problems, spec);
        CheckTraining(problems, spec.Training);
        ProgramKinds.Of(spec)?.CheckPass(problems, spec);
        CheckOptimizer(problems, spec.Optimizer);
    }

    private static void CheckJob(JobSpecProblems problems, JobSpec spec)
    {
        if (spec.Name.Length is < 1 or > 100 || !PlainText.IsPlain(spec.Name))
        {
            problems.Add(
                "job.name", $"'{Printable(spec.Name)}'", "1 to 100 characters without control characters or unseen ones",
                "choose another name");
        }

        if (spec.Ranks < 1 || spec.Ranks > spec.Training.Shards)
        {
            var remedy = spec.Ranks < 1
                ? "set job.ranks to at least 1"
                : $"lower job.ranks to {Text(spec.Training.Shards)} or raise training.shards";
            problems.Add("job.ranks", Text(spec.Ranks), $"1 to the number of shards, {Text(spec.Training.Shards)}", remedy);
        }

        if (spec.MinRanks < 1 || spec.MinRanks > spec.Ranks)
            problems.Add("job.min_ranks", Text(spec.MinRanks), $"1 to job.ranks, {Text(spec.Ranks)}", "set job.min_ranks in that range");

        problems.Between("job.priority", spec.Priority, -MostPriority, MostPriority);
        if (!DeviceClasses.IsName(spec.DeviceClass))
        {
            problems.Add(
                "job.device_class",
                $"'{Printable(spec.DeviceClass)}'",
                "one class: letters, digits, dots, dashes and underscores",
                "name one class that 'coordinator devices' shows; ranks of several would compute different bits, so a job never mixes "
                    + "them");
        }

        // 32 bytes are 44 characters of base64. The value itself must never show up in a message.
        if (spec.Secret.Length > 0
            && !(Convert.TryFromBase64String(spec.Secret, new byte[spec.Secret.Length], out var bytes) && bytes == 32))
        {
            problems.Add("secret", "(hidden)", "base64 of 32 bytes", "leave it empty: the server draws one");
        }
    }

    private static void CheckModel(JobSpecProblems problems, JobSpec spec)
    {
        if (ProgramKinds.Of(spec) is not { } kind)
        {
            problems.Add("model.program", $"'{Printable(spec.Model.Program)}'", ProgramKinds.Names, "choose one of these");
            return;
        }

        kind.CheckModel(problems, spec);
        if (spec.Program is not null && !kind.IsOwn)
        {
            problems.Add(
                "program.entry", "set", $"left out with model.program {kind.Name}", "leave --program out, or leave model.program out");
        }

        CheckSettings(problems, spec.Settings ?? JobSettings.Empty, kind);
    }

    // What a setting means only its program knows; here it is seen that it has a name, and a text that a job file can hold.
    private static void CheckSettings(JobSpecProblems problems, JobSettings settings, ProgramKind kind)
    {
        if (settings.ByName.Count > JobSettings.MostSettings)
        {
            problems.Add("settings", Text(settings.ByName.Count), $"at most {Text(JobSettings.MostSettings)}",
                "put more into a file beside the program");
        }

        foreach (var (name, value) in settings.ByName)
        {
            if (!kind.ReadsSettings)
            {
                problems.Add(
                    $"settings.{Printable(name)}", "set", $"left out with model.program {kind.Name}, which has no settings of its own",
                    kind.IsOwn ? "hand it over with program.arguments" : "delete it");
            }
            else if (!JobSettings.IsName(name))
            {
                problems.Add(
                    $"settings.{Printable(name)}", "set", $"called by a letter, and then letters, digits, - and _, "
                        + $"{Text(JobSettings.LongestName)} at most", "rename it");
            }
            else if (value.Length > JobSettings.LongestValue || !PlainText.IsPlain(value))
            {
                problems.Add(
                    $"settings.{name}", $"'{Printable(value)}'",
                        $"a text of at most {Text(JobSettings.LongestValue)} characters in one line",
                    "put longer ones into a file beside the program");
            }
        }
    }

    private static void CheckTraining(JobSpecProblems problems, TrainingSpec training)
    {
        problems.AtLeast("training.steps", training.Steps, 1);
        problems.AtLeast("training.batch_size", training.BatchSize, 1);
        if (training.Shards is < 4 or > MostShards || !BitOperations.IsPow2(training.Shards))
        {
            var nearest = training.Shards is < 4 ? 4
                : training.Shards > MostShards ? MostShards
                : (int)BitOperations.RoundUpToPowerOf2((uint)training.Shards);
            problems.Add(
                "training.shards",
                Text(training.Shards),
                $"a power of two, 4 to {Text(MostShards)}",
                $"set training.shards to {Text(nearest)}");
        }

        problems.AtLeast("training.micro_batch", training.MicroBatch, 1);
        if (training.Steps > 1 && training.BatchSize > 1 && training.Steps > long.MaxValue / training.BatchSize)
        {
            problems.Add(
                "training.steps",
                Text(training.Steps),
                $"at most {Text(long.MaxValue / training.BatchSize)} with this batch size, for samples are counted with 63 bits",
                "lower training.steps");
        }
    }

    private static void CheckOptimizer(JobSpecProblems problems, OptimizerSpec optimizer)
    {
        problems.Above("optimizer.learning_rate", optimizer.LearningRate, 0);
        if (!(optimizer.MinLearningRate >= 0 && optimizer.MinLearningRate <= optimizer.LearningRate))
        {
            problems.Add(
                "lr_scheduler.min_learning_rate",
                Text(optimizer.MinLearningRate),
                $"0 to optimizer.learning_rate, {Text(optimizer.LearningRate)}",
                "set lr_scheduler.min_learning_rate to a tenth of it, or to it for no decay");
        }

        problems.AtLeast("lr_scheduler.warmup_steps", optimizer.WarmupSteps, 0);
        problems.AtLeast("lr_scheduler.decay_steps", optimizer.DecaySteps, 0);
        problems.Fraction("optimizer.beta1", optimizer.Beta1);
        problems.Fraction("optimizer.beta2", optimizer.Beta2);
        if (!((float)optimizer.Epsilon > 0 && double.IsFinite(optimizer.Epsilon)))
        {
            problems.Add(
                "optimizer.epsilon",
                Text(optimizer.Epsilon),
                "a finite number that float32 tells from 0, 1E-45 or more",
                "set optimizer.epsilon to 1e-8");
        }
        problems.NotNegative("optimizer.weight_decay", optimizer.WeightDecay, "set optimizer.weight_decay to 0 to turn it off");
        problems.NotNegative("optimizer.gradient_clip", optimizer.GradientClip, "set optimizer.gradient_clip to 0 to turn it off");
    }

    // Devices compute in float32, and some of them take what is below its normal numbers for 0.
    private static void CheckSingles(JobSpecProblems problems, JobSpec spec)
    {
        if (problems.Found.Count > 0)
            return;
        var optimizer = spec.Optimizer;
        problems.Single("model.dropout", spec.Model.Dropout);
        problems.Single("optimizer.learning_rate", optimizer.LearningRate);
        problems.Single("lr_scheduler.min_learning_rate", optimizer.MinLearningRate);
        problems.Single("optimizer.beta1", optimizer.Beta1);
        problems.Single("optimizer.beta2", optimizer.Beta2);
        problems.Single("optimizer.epsilon", optimizer.Epsilon);
        problems.Single("optimizer.weight_decay", optimizer.WeightDecay);
        problems.Single("optimizer.gradient_clip", optimizer.GradientClip);
    }

    // Without a hash the data is still to be frozen, and there is nothing to check.
    private static void CheckData(JobSpecProblems problems, JobSpec spec)
    {
        var data = spec.Data;
        if (data.Encoding is not ("bytes" or "uint16" or DataSpec.Table))
        {
            problems.Add("data.encoding", $"'{Printable(data.Encoding)}'", $"bytes, uint16 or {DataSpec.Table}", "choose one of these");
            return;
        }

        if (data.Encoding == DataSpec.Table != data.Columns > 0 || data.Columns < 0 || data.Columns > DataSpec.MostColumns)
        {
            problems.Add(
                "data.columns", Text(data.Columns), $"1 to {Text(DataSpec.MostColumns)} with data.encoding {DataSpec.Table}, and else 0",
                "freeze the data again");
            return;
        }

        if (data.Encoding == DataSpec.Table && ProgramKinds.Of(spec) is { ReadsTables: false } kind)
        {
            problems.Add(
                "data.encoding", data.Encoding, $"bytes or uint16 with model.program {kind.Name}, which reads no tables",
                    "choose one of these");
            return;
        }

        if (data.Sha256.Length == 0)
            return;

        if (!IsHash(data.Sha256))
        {
            problems.Add(
                "data.sha256",
                $"'{Printable(data.Sha256)}'",
                "64 lower-case hexadecimal digits",
                "give the hash that freezing the data printed");
        }

        var bytesPerToken = data.BytesPerSample;
        if (data.Bytes < 0 || data.Bytes % bytesPerToken != 0)
        {
            problems.Add(
                "data.bytes", Text(data.Bytes), $"a size of whole {(data.Columns > 0 ? "rows" : "tokens")}, {Text(bytesPerToken)} bytes "
                    + "each", "freeze the data again");
        }
        else
        {
            ProgramKinds.Of(spec)?.CheckData(problems, spec, bytesPerToken);
        }
    }

    private static void CheckInitial(JobSpecProblems problems, InitialSpec? initial)
    {
        if (initial is null)
            return;
        if (!IsHash(initial.Sha256))
        {
            problems.Add(
                "checkpoint.initial_load_sha256",
                $"'{Printable(initial.Sha256)}'",
                "64 lower-case hexadecimal digits",
                "give the weights' hash, or the file itself with --init");
        }

        problems.AtLeast("checkpoint.initial_load_bytes", initial.Bytes, 1);
    }

    internal static bool IsHash(string text) => text.Length == 64 && text.All(digit => digit is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    private static void CheckCollective(JobSpecProblems problems, CollectiveSpec collective)
    {
        if (collective.BlockElements is < 16 or > MostBlockElements || collective.BlockElements % 16 != 0)
        {
            problems.Add(
                "collective.block_elements",
                Text(collective.BlockElements),
                $"a multiple of 16, 16 to {Text(MostBlockElements)}",
                "set collective.block_elements to 16384");
        }

        problems.Between("collective.window_blocks", collective.WindowBlocks, 1, MostVocab);
    }

    private static void CheckFaultTolerance(JobSpecProblems problems, FaultToleranceSpec faults)
    {
        problems.Timeout("fault_tolerance.start_timeout", faults.StartTimeout, mayBeZero: true);
        problems.Timeout("fault_tolerance.answer_timeout", faults.AnswerTimeout, mayBeZero: false);
        problems.Timeout("fault_tolerance.peer_timeout", faults.PeerTimeout, mayBeZero: false);
        problems.Timeout("fault_tolerance.gather_delay", faults.GatherDelay, mayBeZero: true);
        problems.Timeout("fault_tolerance.progress_timeout", faults.ProgressTimeout, mayBeZero: false);
        problems.Timeout("fault_tolerance.hang_timeout", faults.HangTime, mayBeZero: true);
        problems.Timeout("fault_tolerance.state_timeout", faults.StateTimeout, mayBeZero: true);
    }

    private static void CheckCheckpoint(JobSpecProblems problems, CheckpointSpec checkpoint)
    {
        if (!CheckpointInterval.TryParse(checkpoint.Interval, out _))
            problems.Add("checkpoint.interval", $"'{Printable(checkpoint.Interval)}'", CheckpointInterval.Rule, "write one of these");
        problems.AtLeast("checkpoint.keep_latest", checkpoint.KeepLatest, 1);
        problems.AtLeast("checkpoint.keep_every", checkpoint.KeepEvery, 0);
        problems.Timeout("checkpoint.restore_after", checkpoint.RestoreAfter, mayBeZero: true);
    }
}
