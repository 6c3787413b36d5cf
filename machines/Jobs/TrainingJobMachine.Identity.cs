using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <content>
/// Whether all members compute the same. Of programs of one's own the spec does not say what they are made up of, so ranks say it before
/// they are given a plan, and whoever says otherwise than the job's ranks takes no part: it would compute other bits. No gpu is blamed for
/// it.
/// </content>
public sealed partial class TrainingJobMachine
{
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
        foreach (var other in answers.Where(answer => answer.Identity != identity).ToArray())
        {
            OnFaulted(new RankFaulted
            {
                Job = other.Job,
                Generation = State.Generation,
                Gpu = other.Gpu,
                Kind = FaultKind.Worker,
                Detail = ProgramIdentity.Explain(other.Identity, identity),
            });
            context.MarkDirty();
        }
    }
}
