using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <content>
/// Whether all members compute the same. Of programs of one's own the spec does not say what they are made up of, so ranks say it before
/// they are given a plan, and whoever says otherwise than the job's ranks takes no part: it would compute other bits. No gpu is blamed for
/// it. Where bits differ all the same, or may, the job says for good that none are promised.
/// </content>
public sealed partial class TrainingJobMachine
{
    private const string NothingPromised =
        "no equal bits are promised: program.allow_nondeterminism is set, so a failure may change the model";

    /// <summary>Members of which the first tensor that differs is looked for: it is the same for most of them.</summary>
    private const int MostDetailed = 4;

    /// <summary>Why no equal bits are promised; null: they are.</summary>
    private string? NoPromise =>
        State.PromiseEnded ?? (State.Spec.Program is { AllowNondeterminism: true } ? NothingPromised : null);

    /// <summary>
    /// All members have answered. What most of the first generation's say is the job's for good; of as many, what the lowest gpu says.
    /// </summary>
    private void RefuseOtherIdentities()
    {
        var answers = round.Answers;
        if (State.Identity is null)
        {
            var most = answers.Where(answer => answer.Identity.Length > 0).GroupBy(answer => answer.Identity, StringComparer.Ordinal)
                .OrderByDescending(alike => alike.Count()).FirstOrDefault();
            if (most is null)
                return;
            context.Persist(State with { Identity = most.Key, Recorded = records.Through });
        }

        var identity = State.Identity!;
        var others = answers.Where(answer => answer.Identity != identity).ToArray();
        if (others.Length == 0 || WaitForInitialStates(others))
            return;
        var known = answers.Where(answer => answer.Identity == identity).Select(answer => initialStates.Of(answer.Gpu))
            .FirstOrDefault(entries => entries.Count > 0) ?? [];
        foreach (var other in others)
        {
            OnFaulted(new RankFaulted
            {
                Job = other.Job,
                Generation = State.Generation,
                Gpu = other.Gpu,
                Kind = FaultKind.Worker,
                Detail = ProgramIdentity.Explain(other.Identity, identity, initialStates.Of(other.Gpu), known),
            });
            context.MarkDirty();
        }

        initialStates.Clear();
    }

    /// <summary>Whether first it is to be found out which tensor differs, of what ranks began with.</summary>
    private bool WaitForInitialStates(IReadOnlyCollection<RankState> others)
    {
        if (initialStates.Until is not null)
            return initialStates.IsPending;
        GpuId[] differing =
        [
            .. others.Where(other => ProgramIdentity.DiffersAtTheStart(other.Identity, State.Identity!)).Take(MostDetailed)
                .Select(other => other.Gpu),
        ];
        if (differing.Length == 0 || round.Answers.FirstOrDefault(answer => answer.Identity == State.Identity) is not { } alike)
            return false;
        initialStates.Ask([alike.Gpu, .. differing]);
        round.AskInDetail([alike.Gpu, .. differing]);
        return true;
    }

    /// <summary>A member says what it began with, entry by entry.</summary>
    private void OnInitialState(RankState answer)
    {
        if (answer.InitialState is not { } entries || initialStates.Until is null)
            return;
        initialStates.Note(answer.Gpu, entries);
        if (round.IsComplete && !initialStates.IsPending)
            RefuseOtherIdentities();
    }

    /// <summary>
    /// The same shard of the same state had other bits: from now on nothing is promised, and everybody who looks is told so.
    /// </summary>
    private void EndPromise(RankFaulted fault)
    {
        if (!fault.Disagrees || State.PromiseEnded is not null || NoPromise is not null)
            return;
        var text = $"no equal bits are promised any more since step {records.Through}: {fault.Gpu}: {fault.Detail}";
        context.Change(State with { PromiseEnded = text });
        context.Observe(EventKinds.PromiseEnded, text, "programs disagree", fault.Gpu.Node, fault.Gpu, step: records.Through);
    }
}
