using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Simulation;

/// <summary>
/// Restart everybody from the newest checkpoint, as torchrun and Slurm do: all processes end, what was trained since the checkpoint is
/// lost, and with too few nodes nobody trains. The time between checkpoints is chosen as well as ours is. Further nodes join by a restart
/// as well: once all of them are there, from a checkpoint made for it, or with the next restart that a failure brings.
/// </summary>
internal sealed class RestartEverybodyPolicy : IRecoveryPolicy
{
    private readonly FleetSpec fleet;
    private readonly PolicyAccount account;
    private readonly SitePower power;
    private readonly HashSet<int> missing = [];
    private readonly HashSet<int> further = [];
    private double readyAt;
    private double failedAt = double.NaN;
    private double unsaved;
    private int ranks;
    private bool isFirst = true;

    public RestartEverybodyPolicy(FleetSpec fleet, FleetSize size)
    {
        (this.fleet, account, power, ranks) = (fleet, new PolicyAccount(fleet, size), new SitePower(fleet), size.Powered);
        readyAt = RecoveryCosts.ColdRestartSeconds(fleet.GpusOf(ranks)) + power.RampSeconds(ranks);
    }

    public void Failed(double at, IReadOnlyList<int> lost, FailureCause cause)
    {
        Train(at);
        account.NoteFailure();
        var members = lost.Where(rank => !further.Remove(rank)).ToArray();
        if (members.Length == 0)
            return;
        missing.UnionWith(members);
        account.Waste(unsaved, ranks);
        (unsaved, isFirst) = (0, false);
        if (double.IsNaN(failedAt))
            failedAt = at;
        readyAt = double.PositiveInfinity;
    }

    public void Returned(double at, IReadOnlyList<int> back)
    {
        Train(at);
        var isWaiting = missing.Count > 0;
        further.UnionWith(back.Where(rank => !missing.Remove(rank)));
        if (missing.Count > 0)
            return;
        if (isWaiting)
            Begin(Math.Max(at, failedAt + fleet.Costs.NodeDetectSeconds));
        else if (at > readyAt && ranks + further.Count == account.Size.Powered)
            Begin(at);
    }

    public void Resized(double at, FleetSize size)
    {
        Train(at);
        account.Resize(size);
    }

    public void End(double at) => Train(at);

    public FleetReport Report(FleetRun run, double days) => account.Report("restart", "steps since the checkpoint again", run, days);

    /// <summary>All processes start, further ones with them; the draw of the site rises no faster than it may.</summary>
    private void Begin(double at)
    {
        ranks += further.Count;
        further.Clear();
        (unsaved, isFirst) = (0, false);
        readyAt = at + RecoveryCosts.ColdRestartSeconds(
            fleet.GpusOf(ranks)) + power.RampSeconds(ranks, fromIdle: true) + fleet.CheckpointReadSeconds;
    }

    private void Train(double at)
    {
        // The first start has no checkpoint to read; every other one reads it last.
        account.Until(Math.Min(at, isFirst ? readyAt : readyAt - fleet.CheckpointReadSeconds), Loss.InfrastructureRecovery);
        account.Until(Math.Min(at, readyAt), Loss.CheckpointRestore);
        if (at <= readyAt)
            return;
        if (!double.IsNaN(failedAt))
            account.Recoveries.Add(readyAt - failedAt);
        failedAt = double.NaN;

        double stepSeconds = fleet.StepSeconds * fleet.Ranks / ranks, steps = account.Train(at, ranks);
        account.Steps += steps;

        // The newest checkpoint is the last one that was begun and has been written since.
        unsaved = Math.Min(
            unsaved + steps,
            ((unsaved + steps) % (account.CheckpointInterval / stepSeconds)) + (fleet.CheckpointWriteSeconds(ranks) / stepSeconds));
    }
}
