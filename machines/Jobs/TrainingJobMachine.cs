using System.Text.Json;

namespace Coordinator.Machines.Jobs;

/// <summary>
/// A training run: who is a member, when a new generation forms, where it goes on, and when it has ended.
/// <para>
/// Idle case: a generation runs, its rank 0 reports applied steps now and then, and the job does nothing; the ranks keep each other
/// in step. Bursty case: a member dies, comes or leaves. The job persists the next generation, asks its members where they stand
/// (their answers are promises), decides by <see cref="RecoveryPlanner"/>, and hands out plans. A job that is loaded in between forms
/// yet another generation: half-made decisions are never continued.
/// </para>
/// Nothing waits for a reply: what must arrive is repeated by deadline until what it asks for has happened.
/// Files: life cycle here; gathering members, evidence, recovery and the end in the other parts of the class.
/// </summary>
public sealed partial class TrainingJobMachine : IMachine
{
    private readonly JobId id;
    private TrainingJobState? state;
    private long writes;
    private bool stirred;
    private TimeSpan? decidedAt;
    private string silo = "";
    private TimeSpan now;
    private Outputs outputs = new();

    /// <summary>A job as stored, or one that waits to be submitted.</summary>
    public TrainingJobMachine(JobId id, string? stateJson)
    {
        this.id = id;
        if (stateJson is not null)
            state = Contracts.ReadState<TrainingJobState>(Address, stateJson);
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Of(id);

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    private bool IsOver => state is { Phase: JobPhase.Finished or JobPhase.Failed };

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        this.now = now;
        this.outputs = outputs;
        stirred = message is not (NodeLinkReported or WorkerReported { Report: RankState or PlanTaken or RankAdvanced or PeerAccused or StepsApplied or RankFinished or RankReleased or RankPreparing or CheckpointPartSaved });
        switch (message)
        {
            case Activated activated:
                OnActivated(activated);
                break;
            case SubmitJob submit when state is null:
                OnSubmitted(submit.Spec);
                break;
            case CancelJob cancel when state is not null && !IsOver:
                Fail(cancel.ReasonOfJob);
                break;
            case GpusOffered offered when state is not null:
                OnOffered(offered);
                break;
            case NodeLinkReported link when state is not null:
                OnLink(link);
                break;
            case WorkerReported reported when state is not null:
                OnReport(reported);
                break;
            case GpuWithdrawn withdrawn when state is not null:
                OnWithdrawn(withdrawn);
                break;
            case ModelStored stored when state is not null:
                OnModelStored(stored);
                break;
            case CheckpointWanted when state is not null && !IsOver:
                OnCheckpointWanted();
                break;
            case ExtendJob wanted when state is not null:
                OnExtended(wanted);
                break;
        }

        if (state is null || IsUnmoved)
            return;
        if (now < decidedAt + DecisionPause && !(message is WorkerReported { Report: RankState } && forming?.Count == state.Members.Count))
        {
            // Whatever else is due waits for that too.
            NextDeadline = decidedAt + DecisionPause;
            return;
        }

        decidedAt = now;
        if (!IsOver)
            Decide();
        if (!IsOver)
            DecideCheckpoint();
        RepeatRequests();
        RepeatReleases();
        NextDeadline = FindNextDeadline();
    }

    /// <summary>
    /// The message brought one member forward, or was no news, no deadline has passed, and there are others to wait for: then all that could
    /// be decided was decided before. To look at every member after the word of each would, with thousands, cost more than the recovery itself.
    /// </summary>
    private bool IsUnmoved => !stirred && !(now >= NextDeadline) && state!.Phase != JobPhase.Waiting && forming?.Count != state.Members.Count;

    /// <summary>
    /// Deciding looks at every member, about half a microsecond for each. Where there are a thousand or more and news of many of them comes
    /// at once, decisions wait for each other for four times as long as they take, so that the silo has time left for the news.
    /// </summary>
    private TimeSpan DecisionPause => state!.Members.Count < 1000 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(2 * state.Members.Count);

    /// <inheritdoc/>
    public string Describe(TimeSpan now) => state is null ? "null" : JsonSerializer.Serialize(View(), MachinesJson.Default.JobView);

    private void OnActivated(Activated activated)
    {
        silo = activated.Silo;
        activatedAt = now;
        submittedAt = now;
        if (state is null)
            return;
        // How long ago the faults were nobody knows; they count as those of now.
        Persist(state with { Incarnation = state.Incarnation + 1, Faults = [.. state.Faults.Select(fault => fault with { At = now })] });
        recorded = state.Recorded;
        parkedFor = state.ParkedFor;
        wasParked = parkedFor is not null;
        if (state.Planned)
        {
            // All of them trained in this generation. One that has begun anew since then says that the membership is unknown to it.
            lastRan = lastPlanned = [.. state.Members.Select(member => member.Gpu)];
            foreach (var member in state.Members)
                nodeKnows[member.Gpu.Node] = state.Generation;
        }

        failuresBefore = state.Failures;
        lastProgress = now;
        Observe(EventKinds.JobActivated, $"loaded by silo {silo} as incarnation {state.Incarnation}");
        if (IsOver)
        {
            foreach (var member in state.Members)
                BeginRelease(member.Gpu, state.Reason);
        }
        else if (state.Phase == JobPhase.Active && !state.Planned)
            formAgain = $"silo {silo} found generation {state.Generation} half formed";
    }

    private void OnSubmitted(JobSpec spec)
    {
        Persist(new TrainingJobState { Spec = spec, Incarnation = 1, Phase = JobPhase.Waiting, Reason = $"waiting for {spec.Ranks} gpus" });
        submittedAt = now;
        Observe(EventKinds.JobSubmitted, $"{spec.Model.Program}, {spec.Training.Steps} steps, batch {spec.Training.BatchSize} in {spec.Training.Shards} shards, {spec.Ranks} ranks");
    }

    private void Persist(TrainingJobState next)
    {
        // Smaller jobs stay readable for a coordinator that is older.
        state = next = next with { Version = VersionOf(next) };
        outputs.Add(new PersistState(JsonSerializer.Serialize(next, MachinesJson.Default.TrainingJobState), next.Incarnation, ++writes));
    }

    private static int VersionOf(TrainingJobState written) => written.Spec.Optimizer.DecaySteps > 0 ? Contracts.DecayStepsVersion
        : written.Members.Count < MembersConverter.Many ? Contracts.FirstStateVersion : Contracts.ManyMembersVersion;

    private void Observe(string kind, string text, string? cause = null, NodeId? node = null, GpuId? gpu = null, long? step = null, double? durationMs = null, IReadOnlyDictionary<string, double>? numbers = null) =>
        outputs.Observe(new CoordinatorEvent
        {
            Kind = kind,
            Job = id,
            Node = node,
            Gpu = gpu,
            Timeline = state?.Timeline,
            Generation = state?.Generation,
            Step = step,
            Cause = cause,
            DurationMs = durationMs,
            Text = text,
            Numbers = numbers,
        });

    /// <summary>Why it is in its phase; where it waits, what for, and who has that.</summary>
    private string ReasonNow
    {
        get
        {
            var reason = stalled ?? state!.Reason;
            if (PreparingNow is { Length: > 0 } slow)
                return $"{reason}; {slow}";
            return NeedsWhoeverComes && shortage.Length > 0 ? $"{reason}: {shortage}" : reason;
        }
    }

    private JobView View()
    {
        var shards = state!.Members.Count is > 0 and var count && count <= state.Spec.Training.Shards ? ShardMap.Cut(state.Spec.Training.Shards, count) : [];
        return new JobView
        {
            Id = id,
            Phase = state.Phase switch
            {
                JobPhase.Active => IsParked ? "waiting" : forming is null ? stalled is null ? "running" : "waiting" : "forming",
                var phase => phase.ToString().ToLowerInvariant(),
            },
            Reason = IsOver ? state.Reason : ReasonNow,
            Shortage = shortage,
            DeviceClass = state.DeviceClass ?? "",
            Spec = state.Spec with { Secret = "" },
            Submitted = state.Submitted,
            Incarnation = state.Incarnation,
            Timeline = state.Timeline,
            Generation = state.Generation,
            Recorded = recorded,
            Loss = lastLoss,
            Failures = state.Failures,
            FirstCause = state.FirstCause,
            ModelSha256 = state.ModelSha256,
            Checkpoints = state.Checkpoints,
            Saving = SavingNow,
            Members =
            [
                .. state.Members.Select((member, rank) => new MemberView(
                    rank, member.Gpu, member.Address, member.Boot, rank < shards.Count ? shards[rank].Sum(span => span.Count) : 0,
                    IsReachable(member), StateOf(member))),
            ],
        };

        string StateOf(Member member) => forming switch
        {
            not null => forming.ContainsKey(member.Gpu) ? IsParked ? "parked" : "answered" : PreparationOf(member) is null ? "asked" : "preparing",
            _ when finishedHashes.ContainsKey(member.Gpu) => "finished",
            _ when advancedRanks.Contains(member.Gpu) => "training",
            _ when plansTaken.Contains(member.Gpu) => "resuming",
            _ => "planned",
        };
    }
}
