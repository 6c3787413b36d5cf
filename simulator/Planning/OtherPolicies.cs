using static Coordinator.Simulator.Planning.GoodputLedger;

namespace Coordinator.Simulator.Planning;

/// <summary>
/// Restart everybody from the newest checkpoint, as torchrun and Slurm do: all processes end, what was trained since the checkpoint is lost, and
/// with too few nodes nobody trains. The time between checkpoints is chosen as well as ours is.
/// </summary>
internal sealed class RestartEverybodyPolicy(FleetSpec fleet) : IRecoveryPolicy
{
    private readonly PolicyAccount account = new(fleet);
    private double readyAt = RecoveryCosts.ColdRestartSeconds(fleet.Gpus);
    private double failedAt = double.NaN;
    private double unsaved;
    private int missing;

    public void Failed(double at, IReadOnlyList<int> ranks, FailureCause cause)
    {
        Train(at);
        account.NoteFailure();
        missing += ranks.Count;
        account.Steps -= unsaved;
        account.Again += unsaved;
        account.Ledger.Move(Loss.Productive, Loss.WastedProgress, unsaved * fleet.StepSeconds * fleet.Ranks);
        unsaved = 0;
        if (double.IsNaN(failedAt))
            failedAt = at;
        readyAt = double.PositiveInfinity;
    }

    public void Returned(double at, int rank)
    {
        Train(at);
        if (--missing == 0)
            readyAt = Math.Max(at, failedAt + fleet.Costs.NodeDetectSeconds) + RecoveryCosts.ColdRestartSeconds(fleet.Gpus) + fleet.CheckpointReadSeconds;
    }

    public void End(double at) => Train(at);

    public FleetReport Report(FleetRun run, double days) => account.Report("restart", "steps since the checkpoint again", run, days);

    private void Train(double at)
    {
        if (at <= readyAt)
        {
            account.Until(at, Loss.InfrastructureRecovery);
            return;
        }

        if (account.Booked < readyAt)
        {
            account.Until(readyAt, Loss.InfrastructureRecovery);
            if (!double.IsNaN(failedAt))
                account.Recoveries.Add(readyAt - failedAt);
            failedAt = double.NaN;
        }

        double interval = account.CheckpointInterval, steps = account.Train(at, 1);
        account.Steps += steps;

        // The newest checkpoint is the last one that was begun and has been written since.
        unsaved = Math.Min(unsaved + steps, ((unsaved + steps) % (interval / fleet.StepSeconds)) + (fleet.CheckpointWriteSeconds / fleet.StepSeconds));
    }
}

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
