using System.Text.Json;

namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// What all parts of a job's machine share: the durable record, and the turn that is being handled. The record is replaced here alone, so
/// every part sees the same one, and what was persisted earlier in a turn is never overwritten by what another part remembered of it.
/// </summary>
/// <param name="id">The job.</param>
/// <param name="stored">Its record as loaded; null: it was not submitted yet.</param>
internal sealed class JobContext(JobId id, TrainingJobState? stored)
{
    private TrainingJobState? record = stored;
    private Outputs outputs = new();
    private long writes;

    /// <summary>The job.</summary>
    public JobId Id => id;

    /// <summary>Whether the job was submitted. Before that there is no record, and no part of the machine but this one is used.</summary>
    public bool IsSubmitted => record is not null;

    /// <summary>The job's record.</summary>
    public TrainingJobState State => record!;

    /// <summary>The job has ended.</summary>
    public bool IsOver => record is { Phase: JobPhase.Finished or JobPhase.Failed };

    /// <summary>Time of the turn.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>When the job was loaded.</summary>
    public TimeSpan ActivatedAt { get; private set; }

    /// <summary>Dirty: something has changed in this turn that a decision may rest on, so all members are looked at.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>The membership in force.</summary>
    public Membership Membership => new() { Job = id, Generation = State.Generation, Hash = State.Hash, Members = State.Members };

    /// <summary>A turn begins.</summary>
    public void BeginTurn(TimeSpan now, Outputs into, bool isDirty) => (Now, outputs, IsDirty) = (now, into, isDirty);

    /// <summary>The job was loaded in this turn.</summary>
    public void Activate() => ActivatedAt = Now;

    /// <summary>Notes that something has changed that a decision may rest on.</summary>
    public void MarkDirty() => IsDirty = true;

    /// <summary>Changes the record; durable with what is persisted next.</summary>
    public void Change(TrainingJobState next) => record = next;

    /// <summary>Changes the record, durably before anything that is sent after.</summary>
    public void Persist(TrainingJobState next)
    {
        // Smaller jobs stay readable for a coordinator that is older.
        record = next = next with { Version = VersionOf(next) };
        outputs.Add(new PersistState(JsonSerializer.Serialize(next, MachinesJson.Default.TrainingJobState), next.Incarnation, ++writes));
    }

    /// <summary>Sends to another grain.</summary>
    public void Send(GrainAddress to, GrainMessage message) => outputs.Send(to, message);

    /// <summary>Stores what was learnt about applied steps.</summary>
    public void ObserveSteps(int timeline, IReadOnlyList<StepRecord> steps) => outputs.Add(new ObserveSteps(id, timeline, steps));

    /// <summary>Stores an event of the job.</summary>
    public void Observe(
        string kind,
        string text,
        string? cause = null,
        NodeId? node = null,
        GpuId? gpu = null,
        long? step = null,
        double? durationMs = null,
        IReadOnlyDictionary<string, double>? numbers = null) =>
        outputs.Observe(new CoordinatorEvent
        {
            Kind = kind,
            Job = id,
            Node = node,
            Gpu = gpu,
            Timeline = record?.Timeline,
            Generation = record?.Generation,
            Step = step,
            Cause = cause,
            DurationMs = durationMs,
            Text = text,
            Numbers = numbers,
        });

    /// <summary>The member that is a gpu; null: it is none.</summary>
    public Member? MemberOf(GpuId gpu) => Membership.RankOf(gpu) is >= 0 and var rank ? State.Members[rank] : null;

    /// <summary>Whether a node has members.</summary>
    public bool HasNode(NodeId node) => FirstRankOf(node) >= 0;

    /// <summary>The members of a node.</summary>
    public IEnumerable<Member> MembersOn(NodeId node)
    {
        for (var rank = FirstRankOf(node); rank >= 0 && rank < State.Members.Count && State.Members[rank].Gpu.Node == node; rank++)
            yield return State.Members[rank];
    }

    /// <summary>The first rank of a node, or -1. Members of one node follow each other.</summary>
    private int FirstRankOf(NodeId node)
    {
        int low = 0, high = State.Members.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (State.Members[middle].Gpu.Node.CompareTo(node) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low < State.Members.Count && State.Members[low].Gpu.Node == node ? low : -1;
    }

    private static int VersionOf(TrainingJobState written) => written.Spec.Optimizer.DecaySteps > 0 ? Contracts.DecayStepsVersion
        : written.Members.Count < MembersConverter.Many ? Contracts.FirstStateVersion : Contracts.ManyMembersVersion;
}
