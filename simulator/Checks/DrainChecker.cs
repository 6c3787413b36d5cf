using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;

namespace Coordinator.Simulator.Checks;

/// <summary>
/// What drains promise, looked at in every turn of the cluster and of the job: what an operator was told is drained is offered as such
/// whatever dies, no job takes it in that could know, and nobody at all once the drain is done; and a gpu that leaves drained stays the
/// job's own until every other rank has applied a step without it. Only in worlds in which somebody drains.
/// </summary>
internal sealed class DrainChecker(Checkers checkers)
{
    private readonly SortedDictionary<string, Drain> answered = new(StringComparer.Ordinal);

    /// <summary>Gpus that have left drained, and whose state every other rank is not known to hold.</summary>
    private readonly SortedSet<GpuId> leaving = [];

    private (long Incarnation, long Sequence) newest = (-1, -1);
    private Dictionary<GpuId, GpuOffer> offered = [];

    /// <summary>Newest offer that the job's present activation has heard; null: none yet.</summary>
    private GpusOffered? heard;

    /// <summary>The job as it is stored, or as its present activation has decided since.</summary>
    private TrainingJobState? job;
    private TrainingJobState? storedJob;

    /// <summary>Whether somebody drains in this world.</summary>
    public bool IsWatching { get; set; }

    /// <summary>The drains that are durable, with the word whether they are done.</summary>
    public IReadOnlyList<Drain> Durable { get; private set; } = [];

    /// <summary>An operator has his answer: what he wanted is durable.</summary>
    public void OnAnswered(Drain drain) => answered[drain.Target] = drain;

    /// <summary>An operator begins to end a drain: from now on it may be in force or not.</summary>
    public void OnEnding(string target) => answered.Remove(target);

    /// <summary>Whether an answered drain concerns the gpu.</summary>
    public bool IsDrained(GpuId gpu) => answered.Values.Any(drain => drain.Covers(gpu));

    /// <summary>A state is durable.</summary>
    public void OnStored(GrainAddress grain, string stateJson)
    {
        if (!IsWatching)
            return;
        if (grain.Kind == GrainKind.Cluster)
            Durable = Contracts.ReadState<ClusterState>(grain, stateJson).Drains;
        else if (grain.Kind == GrainKind.Job)
            storedJob = Contracts.ReadState<TrainingJobState>(grain, stateJson);
    }

    /// <summary>An offer leaves the cluster, behind everything that was durable before.</summary>
    public void OnOfferLeaves(GpusOffered offer)
    {
        if (!IsWatching)
            return;
        foreach (var gpu in offer.Gpus.Where(gpu => !gpu.Drained && IsDrained(gpu.Gpu)))
            checkers.Fail(Invariants.DrainIsDurable, $"the cluster offers {gpu.Gpu} as one that is not drained, and it is");
    }

    /// <summary>A turn of a grain: what it has heard, and what it asks its host for.</summary>
    public void OnTurn(GrainAddress grain, GrainMessage message, IReadOnlyList<Output> outputs)
    {
        if (!IsWatching || grain.Kind != GrainKind.Job)
            return;
        if (message is Activated)
            OnActivated();
        else if (message is GpusOffered offer)
            OnHeard(offer);
        var excluded = outputs.OfType<ObserveEvent>().Where(output => output.Event.Kind == EventKinds.RankExcluded)
            .Select(output => output.Event.Gpu!.Value).ToHashSet();
        foreach (var output in outputs)
        {
            if (output is PersistState persist)
                OnDecided(Contracts.ReadState<TrainingJobState>(grain, persist.StateJson), excluded);
            else if (output is SendToGrain { Message: GpusRequested request })
                OnRequest(request);
        }
    }

    private void OnActivated()
    {
        (job, heard) = (storedJob, null);
        leaving.Clear();
        leaving.UnionWith(job?.HandingOver ?? []);
        ForgetHeld();
    }

    private void OnHeard(GpusOffered offer)
    {
        // One that was made for another activation says nothing to this one.
        if (offer.For is { } activation && activation != job?.Incarnation)
            return;
        var version = (offer.Incarnation, offer.Sequence);
        if (heard is null || version.CompareTo((heard.Incarnation, heard.Sequence)) > 0)
            heard = offer;
        if (version.CompareTo(newest) <= 0)
            return;
        (newest, offered) = (version, offer.Gpus.ToDictionary(gpu => gpu.Gpu));
    }

    private void OnDecided(TrainingJobState next, HashSet<GpuId> excluded)
    {
        var before = job?.Members ?? [];
        var calledBack = job?.HandingOver ?? [];
        foreach (var gpu in next.Members.Where(member => !before.Contains(member)).Select(member => member.Gpu)
            .Where(gpu => !calledBack.Contains(gpu)))
        {
            if (Durable.FirstOrDefault(drain => drain.Done && drain.Covers(gpu)) is { } done)
            {
                checkers.Fail(
                    Invariants.DrainedGetsNoRank, $"generation {next.Generation} takes {gpu} in, and the drain of {done.Target} is done");
            }
            if (IsDrained(gpu) && offered.GetValueOrDefault(gpu) is not { Drained: false })
            {
                checkers.Fail(
                    Invariants.DrainedGetsNoRank,
                    $"generation {next.Generation} takes {gpu} in, which is drained, as the newest offer that has come to the job says");
            }
        }

        foreach (var member in before.Where(member => !excluded.Contains(member.Gpu)
            && next.Members.All(stays => stays.Gpu != member.Gpu) && IsAskedBack(member.Gpu)))
        {
            leaving.Add(member.Gpu);
        }

        leaving.RemoveWhere(gpu => next.Members.Any(member => member.Gpu == gpu));
        job = next;
        ForgetHeld();
    }

    private bool IsAskedBack(GpuId gpu) =>
        heard?.Gpus.Any(offer => offer is { Drained: true, GiveBack: not null } && offer.Gpu == gpu) is true;

    /// <summary>
    /// Once the others hold the state nothing is lost by those that have left: all have applied a step without them, or hold what they held
    /// when too few were left.
    /// </summary>
    private void ForgetHeld()
    {
        if (job is null or { HeldByMembers: true } or { ParkedFor: not null }
            || job.Members.All(member => checkers.Steps.HasApplied(member.Gpu, job.Generation)))
        {
            leaving.Clear();
        }
    }

    private void OnRequest(GpusRequested request)
    {
        if (request.Wanted == 0)
            return;
        ForgetHeld();
        foreach (var gpu in leaving.Where(gpu => !request.Used.Contains(gpu) && IsAskedBack(gpu)).ToArray())
        {
            checkers.Fail(
                Invariants.DrainedStaysUntilHeld,
                $"{gpu} is let go, and not every rank of generation {job!.Generation} has applied a step without it");
        }
    }
}
