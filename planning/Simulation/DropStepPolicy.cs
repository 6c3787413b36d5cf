using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Simulation;

/// <summary>
/// Drop the step that a dead replica took part in and go on without it, as torchft does: survivors wait out the operation's timeout and
/// throw the step away. Batches shrink with the replicas, so the mathematics change; lost data are not made up for.
/// </summary>
internal sealed class DropStepPolicy : IRecoveryPolicy
{
    /// <summary>torchft's published operation timeout, seconds.</summary>
    public const double TimeoutSeconds = 5;

    private readonly PolicyAccount account;
    private double resumeAt;
    private double done;
    private int ranks;

    public DropStepPolicy(FleetSpec fleet, FleetSize size)
    {
        account = new PolicyAccount(fleet, size);
        ranks = size.Powered;
        resumeAt = RecoveryCosts.ColdRestartSeconds(fleet.GpusOf(ranks)) + new SitePower(fleet).RampSeconds(ranks);
    }

    public void Failed(double at, IReadOnlyList<int> lost, FailureCause cause)
    {
        Train(at);
        account.NoteFailure();
        account.Waste(done, ranks);
        done = 0;
        ranks -= lost.Count;
        account.Recoveries.Add(Math.Max(at, resumeAt) + TimeoutSeconds - at);
        resumeAt = Math.Max(at, resumeAt) + TimeoutSeconds;
    }

    public void Returned(double at, IReadOnlyList<int> back)
    {
        Train(at);
        ranks += back.Count;
    }

    public void Resized(double at, FleetSize size)
    {
        Train(at);
        account.Resize(size);
    }

    public void End(double at) => Train(at);

    public FleetReport Report(FleetRun run, double days) => account.Report("drop step", "other mathematics: smaller batches", run, days);

    private void Train(double at)
    {
        account.Until(Math.Min(at, resumeAt), Loss.InfrastructureRecovery);
        var steps = account.Train(at, ranks);
        account.Steps += steps;
        done += steps;
        done -= Math.Floor(done);
    }
}
