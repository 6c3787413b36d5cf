using static Coordinator.Simulator.Planning.GoodputLedger;

namespace Coordinator.Simulator.Planning;

/// <summary>What every policy keeps: the time booked so far, steps, recoveries, and the time between checkpoints.</summary>
internal sealed class PolicyAccount(FleetSpec fleet)
{
    private int failures;

    /// <summary>Time up to which everything is booked, seconds.</summary>
    public double Booked { get; private set; }

    public GoodputLedger Ledger { get; } = new();

    public List<double> Recoveries { get; } = [];

    /// <summary>Steps that stay.</summary>
    public double Steps { get; set; }

    /// <summary>Steps computed in vain.</summary>
    public double Again { get; set; }

    /// <summary>Seconds between checkpoints by the shipped rule (Young and Daly) from what this run has seen.</summary>
    public double CheckpointInterval => Coordinator.Machines.Jobs.CheckpointInterval.YoungDaly(
        TimeSpan.FromSeconds(fleet.SnapshotSeconds + fleet.CheckpointWriteSeconds), TimeSpan.FromSeconds(Booked), failures).TotalSeconds;

    /// <summary>One more failure was seen.</summary>
    public void NoteFailure() => failures++;

    /// <summary>Books the time until <paramref name="at"/>, all ranks' of it, to one kind, and moves on.</summary>
    public void Until(double at, Loss kind)
    {
        if (at <= Booked)
            return;
        Ledger.Book(kind, fleet.Ranks * (at - Booked));
        Booked = at;
    }

    /// <summary>Moves on to a time up to which somebody else has booked.</summary>
    public void Skip(double at) => Booked = Math.Max(Booked, at);

    /// <summary>
    /// Books training until <paramref name="at"/>: <paramref name="pace"/> of the steps that all ranks would make, with pauses for checkpoints.
    /// Returns the steps made.
    /// </summary>
    public double Train(double at, double pace)
    {
        if (at <= Booked)
            return 0;
        double time = at - Booked, saving = time * fleet.SnapshotSeconds / (CheckpointInterval + fleet.SnapshotSeconds), training = time - saving;
        Ledger.Book(Loss.CheckpointSave, fleet.Ranks * saving);
        Ledger.Book(Loss.Productive, fleet.Ranks * training * pace);
        Ledger.Book(Loss.MissingRanks, fleet.Ranks * training * (1 - pace));
        Booked = at;
        return training * pace / fleet.StepSeconds;
    }

    public FleetReport Report(string policy, string exactness, FleetRun run, double days, int generations = 0) => new()
    {
        Policy = policy,
        Exactness = exactness,
        Fleet = fleet,
        Days = days,
        Failures = run.Struck,
        Ledger = Ledger,
        Steps = Steps,
        StepsAgain = Again,
        Recoveries = [.. Recoveries.Order()],
        MostInRepair = run.Shop.Most,
        SparesWanted = run.Shop.Wanted(0.99),
        CheckpointInterval = CheckpointInterval,
        Generations = generations,
    };
}
