using System.Data.Common;
using System.Text.Json;
using Coordinator.Machines;
using Dapper;

namespace Coordinator.Server.Storage;

/// <summary>Writes the parts of a batch inside a transaction that its owner commits.</summary>
internal sealed class BatchWriter(DbTransaction transaction, string silo, DateTimeOffset now)
{
    private readonly DbConnection connection = transaction.Connection!;

    /// <summary>Marks a batch as stored with this transaction.</summary>
    /// <returns>False if it was stored before.</returns>
    public bool Claim(string writer, long batch) => Execute(
        """
        INSERT INTO writer (id, batch) VALUES (@writer, @batch)
        ON CONFLICT (id) DO UPDATE SET batch = excluded.batch WHERE excluded.batch > writer.batch
        """,
        new { writer, batch }) == 1;

    /// <summary>Notes that an incarnation of a grain stores observations; 0 is that of a grain which keeps none.</summary>
    /// <returns>False if a higher one has stored some.</returns>
    public bool TryObserve(GrainAddress grain, long incarnation) => incarnation == 0 || Execute(
        """
        INSERT INTO observer (kind, key, incarnation) VALUES (@Kind, @Key, @incarnation)
        ON CONFLICT (kind, key) DO UPDATE SET incarnation = excluded.incarnation WHERE observer.incarnation <= excluded.incarnation
        """,
        new { Kind = grain.Kind.ToString(), grain.Key, incarnation }) == 1;

    /// <summary>Writes an entry: a state over a lower one, or what an incarnation observed that is not below the last.</summary>
    /// <returns>False if it was refused; then nothing of it was written.</returns>
    public bool TryWrite(CommitEntry entry)
    {
        if (entry.State is { } state)
            return TryReplace(state);
        if (entry.Observer is { } observer && !TryObserve(observer.Grain, observer.Incarnation))
            return false;
        foreach (var observation in entry.Observations)
        {
            if (observation is ObserveSteps steps)
                Write(steps);
            else if (observation is ObserveEvent observed)
                Write(new NewEvent(entry.Time, observed.Event));
        }

        return true;
    }

    /// <summary>Writes steps that are not known yet. A known one with another loss is the end of a promise, and becomes an event.</summary>
    public void Write(ObserveSteps observed)
    {
        foreach (var step in observed.Steps)
        {
            var row = new StepRow
            {
                Job = observed.Job.Value,
                Timeline = observed.Timeline,
                Step = step.Step,
                Generation = step.Generation,
                LossBits = BitConverter.DoubleToInt64Bits(step.Loss),
                GradientNormBits = BitConverter.DoubleToInt64Bits(step.GradientNorm),
                Milliseconds = Storable.OrNull(step.Milliseconds),
                Targets = step.Targets,
                RecordedAtUs = Microseconds.From(now),
            };
            if (Execute(
                """
                INSERT INTO steps (job, timeline, step, generation, loss, loss_bits, gradient_norm, gradient_norm_bits, milliseconds, targets, recorded_at_us)
                VALUES (@Job, @Timeline, @Step, @Generation, @Loss, @LossBits, @GradientNorm, @GradientNormBits, @Milliseconds, @Targets, @RecordedAtUs)
                ON CONFLICT (job, timeline, step) DO NOTHING
                """,
                row) == 1)
            {
                continue;
            }
            var known = connection.QuerySingle<(long LossBits, long Generation)>(
                "SELECT loss_bits, generation FROM steps WHERE job = @Job AND timeline = @Timeline AND step = @Step", row, transaction);
            if (known.LossBits != row.LossBits)
                Write(Diverged(observed, step, BitConverter.Int64BitsToDouble(known.LossBits), known.Generation));
        }
    }

    /// <summary>Appends an event.</summary>
    public void Write(NewEvent stored)
    {
        var observed = stored.Event;
        Execute(
            """
            INSERT INTO events (time_us, silo, kind, job, node, gpu, timeline, generation, step, cause, duration_ms, text, numbers)
            VALUES (@TimeUs, @Silo, @Kind, @Job, @Node, @Gpu, @Timeline, @Generation, @Step, @Cause, @DurationMs, @Text, @Numbers)
            """,
            new EventRow
            {
                TimeUs = Microseconds.From(stored.Time),
                Silo = silo,
                Kind = observed.Kind,
                Job = observed.Job?.Value,
                Node = observed.Node?.Value,
                Gpu = observed.Gpu?.ToString(),
                Timeline = observed.Timeline,
                Generation = observed.Generation,
                Step = observed.Step,
                Cause = observed.Cause is { } cause ? Storable.Text(cause) : null,
                DurationMs = observed.DurationMs is { } duration ? Storable.OrNull(duration) : null,
                Text = Storable.Text(observed.Text),
                Numbers = observed.Numbers is null
                    ? null
                    : JsonSerializer.Serialize(observed.Numbers, MachinesJson.Default.IReadOnlyDictionaryStringDouble),
            });
    }

    private NewEvent Diverged(
        ObserveSteps observed, StepRecord step, double knownLoss, long knownGeneration) => new(now, new CoordinatorEvent
        {
            Kind = EventKinds.Diverged,
            Job = observed.Job,
            Timeline = observed.Timeline,
            Generation = step.Generation,
            Step = step.Step,
            Cause = "loss differs",
            Text = $"step {step.Step} was recorded in generation {knownGeneration} with loss {knownLoss:R} and is now reported from "
                + $"generation {step.Generation} with loss {step.Loss:R}",
            Numbers = new Dictionary<string, double> { ["recorded"] = knownLoss, ["reported"] = step.Loss },
        });

    private bool TryReplace(GrainState write) => Execute(
        """
        INSERT INTO grain_state (kind, key, incarnation, sequence, state) VALUES (@Kind, @Key, @Incarnation, @Sequence, @State)
        ON CONFLICT (kind, key) DO UPDATE SET incarnation = excluded.incarnation, sequence = excluded.sequence, state = excluded.state
        WHERE (grain_state.incarnation, grain_state.sequence) < (excluded.incarnation, excluded.sequence)
        """,
        new
        {
            Kind = write.Grain.Kind.ToString(),
            write.Grain.Key,
            write.State.Incarnation,
            write.State.Sequence,
            State = write.State.StateJson,
        }) == 1;

    private int Execute(string sql, object parameters) => connection.Execute(sql, new PlainParameters(parameters), transaction);
}
