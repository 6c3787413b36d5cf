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
        // The first start has no checkpoint to read; every other one reads it last.
        account.Until(Math.Min(at, double.IsNaN(failedAt) ? readyAt : readyAt - fleet.CheckpointReadSeconds), Loss.InfrastructureRecovery);
        account.Until(Math.Min(at, readyAt), Loss.CheckpointRestore);
        if (at <= readyAt)
            return;
        if (!double.IsNaN(failedAt))
            account.Recoveries.Add(readyAt - failedAt);
        failedAt = double.NaN;

        double interval = account.CheckpointInterval, steps = account.Train(at, 1);
        account.Steps += steps;

        // The newest checkpoint is the last one that was begun and has been written since.
        unsaved = Math.Min(unsaved + steps, ((unsaved + steps) % (interval / fleet.StepSeconds)) + (fleet.CheckpointWriteSeconds / fleet.StepSeconds));
    }
}
