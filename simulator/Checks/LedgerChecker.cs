using Coordinator.Machines;
using Coordinator.Machines.Ledger;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Checks;

/// <summary>
/// Makes the job's ledger from what the disk has when all is over, as an operator would, and holds it to what is known here: every
/// rank-second has one cause and nothing is left over, every step counts once, and nothing that failed is missing.
/// </summary>
internal sealed class LedgerChecker(VirtualWorld world, Scenario scenario, Checkers checkers)
{
    private const double Slack = 1e-6;

    private readonly JobLedgerBuilder builder = new(scenario.Job);
    private readonly SortedDictionary<GpuId, long> excluded = [];
    private long formed;
    private double? submittedAt;
    private double? endedAt;
    private bool isExtended;

    private DateTimeOffset Now => DateTimeOffset.UnixEpoch + world.Now;

    public void OnEvent(CoordinatorEvent observed)
    {
        builder.Add(new HistoryEvent(Now, observed));
        if (observed.Job != scenario.Job)
            return;
        var seconds = world.Now.TotalSeconds;
        switch (observed.Kind)
        {
            case EventKinds.JobSubmitted:
                submittedAt ??= seconds;
                break;
            case EventKinds.JobExtended:
                isExtended = true;
                break;
            case EventKinds.JobFinished or EventKinds.JobFailed:
                endedAt ??= seconds;
                break;
            case EventKinds.RankExcluded when observed.Gpu is { } gpu:
                excluded[gpu] = observed.Generation ?? 0;
                break;
            case EventKinds.GenerationForming:
                formed = Math.Max(formed, observed.Generation ?? 0);
                break;
        }
    }

    public void OnStep(int timeline, StepRecord step) => builder.Add(new HistoryStep(Now, timeline, step));

    /// <summary>The job is over.</summary>
    public void Judge()
    {
        if (builder.Build(Now) is not { } ledger)
            return;
        var sum = ledger.Entries.Sum(entry => entry.RankSeconds);
        if (Math.Abs(sum - ledger.RankSeconds) > Slack)
            Fail($"its entries add up to {sum}, and it says {ledger.RankSeconds}");
        var (goodput, effective) = (ledger.Goodput, ledger.EffectiveTrainingTimeRatio);
        if (ledger.Entries.Any(entry => !(entry.RankSeconds > 0)) || goodput is < 0 or > 1 || effective is < 0 or > 1)
            Fail("a share is none");

        // Events of a life that was lost may come twice, and a job that ends at once has nothing to account for.
        var known = scenario.SubmittedSpec.Ranks * (endedAt - submittedAt);
        if (!isExtended && known is { } all && Math.Abs(ledger.RankSeconds - all) > Slack * (1 + all))
            Fail($"it accounts for {ledger.RankSeconds} rank-seconds of {all}");
        if (checkers.Final is { Finished: true } && ledger.Steps != checkers.Storage.LastStep)
            Fail($"it counts {ledger.Steps} steps, and {checkers.Storage.LastStep} are recorded");
        foreach (var incident in ledger.Incidents)
        {
            var parts = incident.DetectSeconds + incident.DecideSeconds + incident.ReconnectSeconds + incident.ResumeSeconds
                + incident.WaitSeconds;
            if (Math.Abs(parts - incident.Seconds) > Slack)
                Fail($"the parts of the incident after step {incident.Step} take {parts} s, and it {incident.Seconds} s");
        }

        var told = ledger.Incidents.SelectMany(incident => incident.Gpu is { } first ? incident.Followed.Append(first) : incident.Followed);

        // A silo may die between the event and the generation that it tells of, and the next one may see no reason for it.
        var gone = excluded.Where(one => one.Value < formed).Select(one => one.Key);
        if (ledger.Steps > 0 && gone.Except(told).FirstOrDefault() is { Node.Value: not null } missing && checkers.Final.Finished)
            Fail($"{missing} was excluded, and no incident tells of it");
    }

    private void Fail(string message) => checkers.Fail(Invariants.LedgerCloses, $"the ledger is wrong: {message}");
}
