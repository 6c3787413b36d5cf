using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// When the job saves its state. The job names a step that is still to come, each member saves its slice when it has applied it, one worker
/// writes the manifest, and only then is the checkpoint the job's: so no checkpoint is half there, and training never waits for one. One is
/// under way at a time.
/// </summary>
internal sealed class CheckpointSchedule(JobContext context, NodeLinks links, StepRecords records)
{
    private static readonly TimeSpan AskPeriod = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Parts that are not there so long after the step was applied will not come. A slow store is given as long as its last writes took,
    /// ten times over.
    /// </summary>
    private static readonly TimeSpan ShortestPatience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LateRetry = TimeSpan.FromMilliseconds(100);

    private CheckpointSaving? saving;
    private TimeSpan notBefore;
    private TimeSpan? savedAt;
    private TimeSpan cost;
    private int leadFactor = 1;
    private int failuresBefore;
    private bool isWanted;
    private string trouble = "";
    private TimeSpan reportGap;
    private TimeSpan reportedAt;

    /// <summary>When the job first saw all members training, in this activation.</summary>
    private TimeSpan? trainingSince;

    /// <summary>What is being saved, or why the last attempt failed, for people; empty: neither.</summary>
    public string Description => saving is null ? trouble
        : saving.ReachedAt is null ? $"step {saving.Id.Step} is to be saved"
        : $"step {saving.Id.Step}: {saving.Parts.Count} of {saving.Members.Count} parts are written";

    /// <summary>
    /// The step that is recorded and being saved, with how many of its parameters are infinite or no number, where the job may not go on
    /// with that; null: there is none. Such a checkpoint never becomes complete.
    /// </summary>
    public (long Step, long Nonfinite)? Broken =>
        saving is { IsRecorded: true } some && !FiniteNumbers.MayGoOn(context.State.Spec, some.Nonfinite)
            ? (some.Id.Step, some.Nonfinite) : null;

    /// <summary>
    /// An order should reach the ranks before the step that it names. So far ahead it is given: as long as the job does not hear of steps,
    /// twice, and a moment for the way.
    /// </summary>
    private TimeSpan Lead => (2 * reportGap) + TimeSpan.FromMilliseconds(20);

    private CheckpointInterval Interval => CheckpointInterval.Of(context.State.Spec.Checkpoint);

    /// <summary>When the next checkpoint is due by time; null where steps decide, or nothing does.</summary>
    private TimeSpan? Due
    {
        get
        {
            var interval = Interval;
            if (interval.IsOff || interval.Steps > 0)
                return null;
            var pause = interval.Time > TimeSpan.Zero ? interval.Time
                : cost == TimeSpan.Zero ? CheckpointInterval.First
                : CheckpointInterval.YoungDaly(cost, context.Now - context.ActivatedAt, context.State.Failures - failuresBefore);
            return JobPace.Later((savedAt ?? trainingSince ?? context.Now) + pause, notBefore);
        }
    }

    /// <summary>The job was loaded: failures before that say nothing of how often it fails now.</summary>
    public void Activate() => failuresBefore = context.State.Failures;

    /// <summary>Somebody wants a checkpoint now.</summary>
    public void Want()
    {
        isWanted = true;
        notBefore = context.Now;
        context.MarkDirty();
    }

    /// <summary>Between messages, while all members train: begins, repeats, gives up.</summary>
    public void Decide()
    {
        if (trainingSince is null)
            (trainingSince, reportedAt) = (context.Now, context.Now);
        if (saving is null)
        {
            Begin();
        }
        else if (saving.ReachedAt is { } reached && context.Now >= reached + PatienceFor(saving))
        {
            GiveUp(
                $"{saving.Members.Count - saving.Parts.Count} of {saving.Members.Count} parts, or the manifest, "
                + $"were not written within {PatienceFor(saving).TotalSeconds:0} s");
        }
        else if (context.Now >= saving.AskAt)
        {
            Ask(saving);
        }
    }

    /// <summary>When <see cref="Decide"/> would do something by itself, while all members train; null: never.</summary>
    public TimeSpan? NextDeadline => saving is not null ? saving.AskAt < TimeSpan.MaxValue ? saving.AskAt : null
        : isWanted || Interval.Steps > 0 ? notBefore > context.Now ? notBefore : context.Now + Retry
        : Due;

    /// <summary>
    /// Steps were recorded: notes how far apart such reports come, and whether the step that is being saved was among them.
    /// </summary>
    public void NoteReport()
    {
        reportGap = JobPace.Later(context.Now - reportedAt, reportGap * 0.5);
        reportedAt = context.Now;
        if (saving is not { IsRecorded: false } || records.Through < saving.Id.Step)
            return;
        saving.NoteRecorded(context.Now);
        saving.AskAt = saving.IsSealing ? context.Now : context.Now + AskPeriod;
        context.MarkDirty();
    }

    /// <summary>A member has written its part.</summary>
    public void OnPartSaved(CheckpointPartSaved report)
    {
        if (saving is null || !saving.Add(report, context.Now) || !saving.IsSealing)
            return;
        context.MarkDirty();
        Ask(saving);
    }

    /// <summary>
    /// The manifest is written: the checkpoint is the job's from now on, and those that it need not keep any more are removed.
    /// </summary>
    public void OnSealed(CheckpointSealed report)
    {
        if (saving?.Id != report.Checkpoint || !saving.IsSealing)
            return;
        var state = context.State;
        var bytes = saving.Parts.Sum(part => part.Bytes);
        var complete = new CheckpointRef(saving.Id, report.ManifestSha256, bytes, saving.Parts.Count(part => part.Elements > 0));
        var kept = CheckpointRetention.Keep([.. state.Checkpoints, complete], state.Spec.Checkpoint);
        context.Persist(state with
        {
            Checkpoints = kept,
            Removed = CheckpointRetention.Remember(state.Removed, state.Checkpoints, kept),
            Recorded = records.Through,
        });
        context.Observe(
            EventKinds.CheckpointSaved, $"checkpoint of step {saving.Id.Step}: {bytes} bytes in {complete.Parts} parts",
            step: saving.Id.Step, durationMs: (context.Now - saving.ReachedAt!.Value).TotalMilliseconds,
            numbers: new SortedDictionary<string, double>
            {
                ["bytes"] = bytes,
                ["parts"] = complete.Parts,
                ["snapshotMs"] = saving.SnapshotMs,
                ["writeMs"] = saving.WriteMs,
            });
        cost = TimeSpan.FromMilliseconds(saving.SnapshotMs + saving.WriteMs);
        Order(report.Node, new PruneCheckpoints(context.Id, context.State.Incarnation,
            [.. kept.Select(one => one.Id)]));
        savedAt = context.Now;
        leadFactor = 1;
        isWanted = false;
        trouble = "";
        saving = null;
        context.MarkDirty();
    }

    /// <summary>A member, or the worker that was to write the manifest, could not.</summary>
    public void OnFailed(CheckpointFailed report)
    {
        if (saving?.Id != report.Checkpoint)
            return;
        if (report.Late)
            PutOff();
        else
            GiveUp($"{report.Node}: {report.Detail}");
    }

    /// <summary>
    /// A generation has formed: what is being saved goes on if it can still become complete; else the next generation begins anew.
    /// </summary>
    public void KeepThrough(IReadOnlyList<Member> next)
    {
        if (saving?.Survives(next) is false)
            saving = null;
    }

    /// <summary>What is being saved will not be: the job has ended, or left the timeline.</summary>
    public void Abandon() => saving = null;

    /// <summary>A job that had ended trains again: it counts from when all members do.</summary>
    public void ForgetTraining() => trainingSince = null;

    private TimeSpan PatienceFor(CheckpointSaving some) =>
        JobPace.Later(ShortestPatience, TimeSpan.FromMilliseconds(10 * some.WriteMs) + (10 * cost));

    private void Begin()
    {
        var (interval, state) = (Interval, context.State);
        if (context.Now < notBefore || !(isWanted || interval.Steps > 0 || (Due is { } due && context.Now >= due)))
            return;
        var lead = leadFactor * (records.LastStepMs > 0
            ? (long)Math.Min(Math.Ceiling(Lead.TotalMilliseconds / records.LastStepMs), state.Spec.Training.Steps) : 1);
        var step = Math.Max(records.Through, state.Recorded) + 1 + lead;
        if (interval.Steps > 0 && !isWanted)
            step = (step + interval.Steps - 1) / interval.Steps * interval.Steps;
        if (step >= state.Spec.Training.Steps)
        {
            // The job will have ended by then. Looked at again later: a time that has passed would be due for ever.
            notBefore = context.Now + Retry;
            return;
        }

        saving = new CheckpointSaving(new CheckpointId(state.Timeline, step, state.Generation), state.Members, context.Now);
        Ask(saving);
    }

    /// <summary>Orders what is missing: the save itself, from workers whose parts have not come, or the manifest.</summary>
    private void Ask(CheckpointSaving some)
    {
        var state = context.State;

        // Once given, the order need not be repeated before the step is applied, unless it was lost: then the ranks will say that it is
        // late.
        some.AskAt = some.ReachedAt is null ? TimeSpan.MaxValue : context.Now + AskPeriod;
        if (!some.IsSealing)
        {
            foreach (var node in some.MissingNodes)
                Order(node, new SaveCheckpoint(context.Id, state.Incarnation, some.Id));
            return;
        }

        if (!some.IsRecorded || Broken is not null)
            return;
        var nodes = state.Members.Where(links.IsReachable).Select(member => member.Gpu.Node).Distinct().ToArray();
        if (nodes.Length == 0)
            return;
        var sealer = nodes[some.Seals++ % nodes.Length];
        var parts = some.Parts.Where(part => part.Elements > 0).OrderBy(part => part.Offset).ToArray();
        Order(sealer, new SealCheckpoint(context.Id, state.Incarnation, some.Id, state.Generation, state.DeviceClass ?? "", parts));
    }

    private void Order(NodeId node, CheckpointOrder order) =>
        context.Send(GrainAddress.Of(node), new NodeOrders(context.Id, context.State.Incarnation, null, [], Checkpoint: order));

    /// <summary>The order came late, which is no event: the next one comes earlier.</summary>
    private void PutOff()
    {
        // A rank that has not taken its plan yet calls every order late: not at once, or job and rank would talk in a circle.
        leadFactor = Math.Min(64, leadFactor * 2);
        notBefore = context.Now + LateRetry;
        saving = null;
        context.MarkDirty();
    }

    private void GiveUp(string why)
    {
        // What fails again in the same way is no news.
        if (why != trouble)
            context.Observe(EventKinds.CheckpointFailed, $"step {saving!.Id.Step} was not saved: {why}", step: saving.Id.Step);
        trouble = why;
        notBefore = context.Now + Retry;
        savedAt ??= context.Now;
        saving = null;
        context.MarkDirty();
    }
}
