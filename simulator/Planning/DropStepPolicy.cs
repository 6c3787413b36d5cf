using static Coordinator.Simulator.Planning.GoodputLedger;

namespace Coordinator.Simulator.Planning;

/// <summary>
/// Drop the step that a dead replica took part in and go on without it, as torchft does: survivors wait out the operation's timeout and throw the
/// step away. Batches shrink with the replicas, so the mathematics change; lost data are not made up for.
/// </summary>
internal sealed class DropStepPolicy(FleetSpec fleet) : IRecoveryPolicy
{
    /// <summary>torchft's published operation timeout, seconds.</summary>
    public const double TimeoutSeconds = 5;

    private readonly PolicyAccount account = new(fleet);
    private double resumeAt = RecoveryCosts.ColdRestartSeconds(fleet.Gpus);
    private double done;
    private int ranks = fleet.Ranks;

    public void Failed(double at, IReadOnlyList<int> lost, FailureCause cause)
    {
        Train(at);
        account.NoteFailure();
        account.Steps -= done;
        account.Again += done;
        account.Ledger.Move(Loss.Productive, Loss.WastedProgress, done * fleet.StepSeconds * fleet.Ranks);
        done = 0;
        ranks -= lost.Count;
        account.Recoveries.Add(Math.Max(at, resumeAt) + TimeoutSeconds - at);
        resumeAt = Math.Max(at, resumeAt) + TimeoutSeconds;
    }

    public void Returned(double at, int rank)
    {
        Train(at);
        ranks++;
    }

    public void End(double at) => Train(at);

    public FleetReport Report(FleetRun run, double days) => account.Report("drop step", "other mathematics: smaller batches", run, days);

    private void Train(double at)
    {
        account.Until(Math.Min(at, resumeAt), Loss.InfrastructureRecovery);
        var steps = account.Train(at, (double)ranks / fleet.Ranks);
        account.Steps += steps;
        done += steps;
        done -= Math.Floor(done);
    }
}
