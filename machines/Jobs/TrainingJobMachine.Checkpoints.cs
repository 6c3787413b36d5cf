namespace Coordinator.Machines.Jobs;

/// <content>
/// Saving: the job names a step that is still to come, each member saves its slice when it has applied it, one worker writes the manifest,
/// and only then is the checkpoint the job's. Training never waits for any of it. One checkpoint is under way at a time.
/// </content>
public sealed partial class TrainingJobMachine
{
    /// <summary>
    /// An order should reach the ranks before the step that it names. So far ahead it is given: as long as the job does not hear of steps,
    /// twice, and a moment for the way.
    /// </summary>
    private TimeSpan SaveLead => (2 * reportGap) + TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan SaveAskPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Parts that are not there so long after the step was applied will not come. A slow store is given as long as its last writes took, ten times over.</summary>
    private static readonly TimeSpan SavePatience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan SaveRetry = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LateRetry = TimeSpan.FromMilliseconds(100);

    private Saving? saving;
    private TimeSpan saveNotBefore;
    private TimeSpan? savedAt;
    private TimeSpan saveCost;
    private int saveLeadFactor = 1;
    private int failuresBefore;
    private bool saveWanted;
    private string saveTrouble = "";
    private TimeSpan reportGap;
    private TimeSpan reportedAt;

    private sealed class Saving(CheckpointId id, IReadOnlyList<Member> members, TimeSpan at)
    {
        public CheckpointId Id { get; } = id;

        public IReadOnlyList<Member> Members { get; } = members;

        public SortedDictionary<GpuId, CheckpointPart> Parts { get; } = [];

        private readonly HashSet<GpuId> gpus = [.. members.Select(member => member.Gpu)];

        public bool Has(GpuId gpu) => gpus.Contains(gpu);

        /// <summary>When the job knew that the step was applied; null: it is still to come.</summary>
        public TimeSpan? ReachedAt { get; set; }

        /// <summary>Whether the step is recorded. Before that the manifest is not asked for: who goes back to a checkpoint of a step whose record died with its workers leaves a gap.</summary>
        public bool IsRecorded { get; set; }

        public TimeSpan AskAt { get; set; } = at;

        public bool IsSealing => Parts.Count == Members.Count;

        public double SnapshotMs { get; set; }

        public double WriteMs { get; set; }

        /// <summary>Which member's worker is asked for the manifest: the next one, where the last did not answer.</summary>
        public int Sealer { get; set; } = -1;
    }

    private CheckpointInterval Interval => CheckpointInterval.TryParse(state!.Spec.Checkpoint.Interval, out var interval) ? interval : new CheckpointInterval(IsOff: true, 0, default);

    private bool IsTraining => state is { Phase: JobPhase.Active, Planned: true } && forming is null && stalled is null;

    /// <summary>When the next checkpoint is due by time; null where steps decide, or nothing does.</summary>
    private TimeSpan? SaveDue
    {
        get
        {
            var interval = Interval;
            if (interval.IsOff || interval.Steps > 0)
                return null;
            var pause = interval.Time > TimeSpan.Zero ? interval.Time
                : saveCost == TimeSpan.Zero ? CheckpointInterval.First
                : CheckpointInterval.YoungDaly(saveCost, now - activatedAt, state!.Failures - failuresBefore);
            return Max((savedAt ?? trainingSince ?? now) + pause, saveNotBefore);
        }
    }

    /// <summary>When the job first saw all members training, in this activation.</summary>
    private TimeSpan? trainingSince;

    private void OnCheckpointWanted()
    {
        saveWanted = true;
        saveNotBefore = now;
        stirred = true;
    }

    /// <summary>Between messages: begins, repeats, gives up.</summary>
    private void DecideCheckpoint()
    {
        if (!IsTraining)
            return;
        if (trainingSince is null)
            (trainingSince, reportedAt) = (now, now);
        if (saving is null)
            BeginSaving();
        else if (saving.ReachedAt is { } reached && now >= reached + PatienceFor(saving))
            GiveUpSaving($"{saving.Members.Count - saving.Parts.Count} of {saving.Members.Count} parts, or the manifest, were not written within {PatienceFor(saving).TotalSeconds:0} s", isLate: false);
        else if (now >= saving.AskAt)
            AskToSave();
    }

    private TimeSpan PatienceFor(Saving some) => Max(SavePatience, TimeSpan.FromMilliseconds(10 * some.WriteMs) + (10 * saveCost));

    private void BeginSaving()
    {
        var interval = Interval;
        if (now < saveNotBefore || !(saveWanted || interval.Steps > 0 || (SaveDue is { } due && now >= due)))
            return;
        var lead = saveLeadFactor * (lastStepMs > 0 ? (long)Math.Min(Math.Ceiling(SaveLead.TotalMilliseconds / lastStepMs), state!.Spec.Training.Steps) : 1);
        var step = Math.Max(recorded, state!.Recorded) + 1 + lead;
        if (interval.Steps > 0 && !saveWanted)
            step = (step + interval.Steps - 1) / interval.Steps * interval.Steps;
        if (step >= state.Spec.Training.Steps)
        {
            // The job will have ended by then. Looked at again later: a time that has passed would be due for ever.
            saveNotBefore = now + SaveRetry;
            return;
        }

        saving = new Saving(new CheckpointId(state.Timeline, step, state.Generation), state.Members, now);
        AskToSave();
    }

    /// <summary>Orders what is missing: the save itself, from workers whose parts have not come, or the manifest.</summary>
    private void AskToSave()
    {
        var (id, job) = (saving!.Id, this.id);

        // Once given, the order need not be repeated before the step is applied, unless it was lost: then the ranks will say that it is late.
        saving.AskAt = saving.ReachedAt is null ? TimeSpan.MaxValue : now + SaveAskPeriod;
        if (!saving.IsSealing)
        {
            foreach (var node in saving.Members.Where(member => !saving.Parts.ContainsKey(member.Gpu)).Select(member => member.Gpu.Node).Distinct())
                outputs.Send(GrainAddress.Of(node), new NodeOrders(job, state!.Incarnation, null, [], Checkpoint: new SaveCheckpoint(job, state.Incarnation, id)));
            return;
        }

        if (!saving.IsRecorded)
            return;
        var nodes = state!.Members.Where(IsReachable).Select(member => member.Gpu.Node).Distinct().ToArray();
        if (nodes.Length == 0)
            return;
        var sealer = nodes[++saving.Sealer % nodes.Length];
        var parts = saving.Parts.Values.Where(part => part.Elements > 0).OrderBy(part => part.Offset).ToArray();
        outputs.Send(GrainAddress.Of(sealer), new NodeOrders(job, state.Incarnation, null, [], Checkpoint: new SealCheckpoint(job, state.Incarnation, id, state.Generation, state.DeviceClass ?? "", parts)));
    }

    /// <summary>Steps were recorded: notes how far apart such reports come, and whether the step that is being saved was among them.</summary>
    private void NoteReport()
    {
        reportGap = Max(now - reportedAt, reportGap * 0.5);
        reportedAt = now;
        if (saving is not { IsRecorded: false } || recorded < saving.Id.Step)
            return;
        saving.IsRecorded = true;
        saving.ReachedAt ??= now;
        saving.AskAt = saving.IsSealing ? now : now + SaveAskPeriod;
        stirred = true;
    }

    private void OnPartSaved(CheckpointPartSaved report)
    {
        if (saving?.Id != report.Checkpoint || !saving.Has(report.Gpu) || !saving.Parts.TryAdd(report.Gpu, report.Part))
            return;
        saving.ReachedAt ??= now;
        saving.SnapshotMs = Math.Max(saving.SnapshotMs, report.SnapshotMs);
        saving.WriteMs = Math.Max(saving.WriteMs, report.WriteMs);
        if (!saving.IsSealing)
            return;
        stirred = true;
        AskToSave();
    }

    private void OnSealed(CheckpointSealed report)
    {
        if (saving?.Id != report.Checkpoint || !saving.IsSealing)
            return;
        var bytes = saving.Parts.Values.Sum(part => part.Bytes);
        var complete = new CheckpointRef(saving.Id, report.ManifestSha256, bytes, saving.Parts.Values.Count(part => part.Elements > 0));
        Persist(state! with { Checkpoints = CheckpointRetention.Keep([.. state.Checkpoints, complete], state.Spec.Checkpoint), Recorded = recorded });
        Observe(EventKinds.CheckpointSaved, $"checkpoint of step {saving.Id.Step}: {bytes} bytes in {complete.Parts} parts", step: saving.Id.Step, durationMs: (now - saving.ReachedAt!.Value).TotalMilliseconds,
            numbers: new SortedDictionary<string, double> { ["bytes"] = bytes, ["parts"] = complete.Parts, ["snapshotMs"] = saving.SnapshotMs, ["writeMs"] = saving.WriteMs });
        saveCost = TimeSpan.FromMilliseconds(saving.SnapshotMs + saving.WriteMs);
        outputs.Send(GrainAddress.Of(report.Node), new NodeOrders(id, state!.Incarnation, null, [], Checkpoint: new PruneCheckpoints(id, state.Incarnation, [.. state.Checkpoints.Select(kept => kept.Id)])));
        savedAt = now;
        saveLeadFactor = 1;
        saveWanted = false;
        saveTrouble = "";
        saving = null;
        stirred = true;
    }

    private void OnSaveFailed(CheckpointFailed report)
    {
        if (saving?.Id != report.Checkpoint)
            return;
        GiveUpSaving($"{report.Node}: {report.Detail}", report.Late);
    }

    private void GiveUpSaving(string why, bool isLate)
    {
        // An order that came late is no event: the next one comes earlier.
        if (isLate)
        {
            // A rank that has not taken its plan yet calls every order late: not at once, or job and rank would talk in a circle.
            saveLeadFactor = Math.Min(64, saveLeadFactor * 2);
            saveNotBefore = now + LateRetry;
        }
        else
        {
            // What fails again in the same way is no news.
            if (why != saveTrouble)
                Observe(EventKinds.CheckpointFailed, $"step {saving!.Id.Step} was not saved: {why}", step: saving.Id.Step);
            saveTrouble = why;
            saveNotBefore = now + SaveRetry;
            savedAt ??= now;
        }

        saving = null;
        stirred = true;
    }

    /// <summary>
    /// A generation has formed: what is being saved can still become complete if all who save it are there, and did so before; else the
    /// next generation begins anew.
    /// </summary>
    private void KeepSavingThrough(IReadOnlyList<Member> next)
    {
        if (saving is null)
            return;
        var there = next.ToHashSet();
        if (saving.ReachedAt is null || saving.Members.Any(member => !saving.Parts.ContainsKey(member.Gpu) && !there.Contains(member)))
            saving = null;
    }

    private string SavingNow => saving is null ? saveTrouble
        : saving.ReachedAt is null ? $"step {saving.Id.Step} is to be saved"
        : $"step {saving.Id.Step}: {saving.Parts.Count} of {saving.Members.Count} parts are written";

    private TimeSpan? NextSaveDeadline => !IsTraining ? null
        : saving is not null ? saving.AskAt < TimeSpan.MaxValue ? saving.AskAt : null
        : saveWanted || Interval.Steps > 0 ? saveNotBefore > now ? saveNotBefore : now + SaveRetry
        : SaveDue;
}
