using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Simulation;

/// <summary>What every policy keeps: the time booked so far, steps, energy, recoveries, and the time between checkpoints.</summary>
internal sealed class PolicyAccount(FleetSpec fleet, FleetSize size)
{
    private readonly SitePower power = new(fleet);
    private double megawattSeconds;
    private int failures;

    /// <summary>How large the cluster is now.</summary>
    public FleetSize Size { get; private set; } = size;

    /// <summary>Time up to which everything is booked, seconds.</summary>
    public double Booked { get; private set; }

    public GoodputLedger Ledger { get; } = new();

    public Timeline Timeline { get; } = new();

    public List<double> Recoveries { get; } = [];

    /// <summary>Steps that stay.</summary>
    public double Steps { get; set; }

    /// <summary>Steps computed in vain.</summary>
    public double Again { get; set; }

    /// <summary>
    /// Seconds between checkpoints: as the cluster says, else by the shipped rule (Young and Daly) from what this run has seen.
    /// </summary>
    public double CheckpointInterval => fleet.CheckpointSeconds ?? Coordinator.Machines.Jobs.Policies.CheckpointInterval.YoungDaly(
        TimeSpan.FromSeconds(fleet.SnapshotSeconds(Size.Powered) + fleet.CheckpointWriteSeconds(Size.Powered)),
        TimeSpan.FromSeconds(Booked),
        failures).TotalSeconds;

    /// <summary>One more failure was seen.</summary>
    public void NoteFailure() => failures++;

    /// <summary>The cluster has this size from what is booked on.</summary>
    public void Resize(FleetSize to) => Size = to;

    /// <summary>Books the time until <paramref name="at"/>, all ranks' of it, to one kind, and moves on.</summary>
    public void Until(double at, Loss kind)
    {
        if (at <= Booked)
            return;
        Ledger.Book(kind, Size.Installed * (at - Booked));
        Timeline.Add(at, kind, Size.Powered);
        Skip(at);
    }

    /// <summary>Moves on to a time up to which somebody else has booked.</summary>
    public void Skip(double at)
    {
        megawattSeconds += Math.Max(0, at - Booked) * Size.Powered * power.RankMegawatts;
        Booked = Math.Max(Booked, at);
    }

    /// <summary>Books training until <paramref name="at"/>, with pauses for checkpoints.</summary>
    /// <param name="at">Its end, seconds.</param>
    /// <param name="stepSeconds">A step's time at this pace.</param>
    /// <param name="share">This pace as a share of what all ranks that stand there could do.</param>
    /// <param name="powered">The pace of all ranks with power, likewise.</param>
    /// <param name="ranks">Ranks that train.</param>
    /// <returns>Steps made.</returns>
    public double Train(double at, double stepSeconds, double share, double powered, int ranks)
    {
        if (at <= Booked)
            return 0;
        double snapshot = fleet.SnapshotSeconds(Size.Powered), time = at - Booked, saving = time * snapshot / (
            CheckpointInterval + snapshot), training = time - saving;
        Ledger.Book(Loss.CheckpointSave, Size.Installed * saving);
        Ledger.Book(Loss.Productive, Size.Installed * training * share);
        Ledger.Book(Loss.MissingRanks, Size.Installed * training * (powered - share));
        Ledger.Book(Loss.Unpowered, Size.Installed * training * (1 - powered));
        Timeline.Add(at, Loss.Productive, ranks);
        Skip(at);
        return training / stepSeconds;
    }

    /// <summary>The same where the pace is in proportion to the ranks.</summary>
    public double Train(double at, int ranks) =>
        Train(at, fleet.StepSeconds * fleet.Ranks / ranks, (double)ranks / Size.Installed, (double)Size.Powered / Size.Installed, ranks);

    /// <summary>Steps that were booked as made turn out to be in vain.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="ranks">Ranks that had computed them.</param>
    public void Waste(double steps, int ranks)
    {
        Steps -= steps;
        Again += steps;
        Ledger.Move(Loss.Productive, Loss.WastedProgress, steps * fleet.StepSeconds * fleet.Ranks);
        Timeline.Waste(steps * fleet.StepSeconds * fleet.Ranks / ranks);
    }

    public FleetReport Report(string policy, string exactness, FleetRun run, double days, int generations = 0) => new()
    {
        Policy = policy,
        Exactness = exactness,
        Fleet = fleet,
        Days = days,
        Strikes = run.Strikes,
        Ledger = Ledger,
        Timeline = Timeline.Stretches,
        Steps = Steps,
        StepsAgain = Again,
        Recoveries = [.. Recoveries.Order()],
        MostInRepair = run.Shop.Most,
        SparesWanted = run.Shop.Wanted(0.99),
        CheckpointInterval = CheckpointInterval,
        Generations = generations,
        RanksAtTheEnd = Size.Installed,
        MegawattHoursSpent = megawattSeconds / 3600,
        PeakMegawatts = Size.Powered * power.RankMegawatts,
    };
}
