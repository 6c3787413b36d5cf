using static Coordinator.Simulator.Planning.GoodputLedger;

namespace Coordinator.Simulator.Planning;

/// <summary>
/// This coordinator: survivors keep their state and their work, the dead's shards of the running step are dealt out, newcomers fetch the state.
/// Who does what, and how long it takes to agree on it, is the shipping machines' word (<see cref="MachineJob"/>).
/// </summary>
internal sealed class CoordinatorPolicy : IRecoveryPolicy
{
    private readonly FleetSpec fleet;
    private readonly PolicyAccount account;
    private readonly MachineJob job;
    private readonly double shardSeconds;
    private double done;
    private int ranks;

    public CoordinatorPolicy(FleetSpec fleet)
    {
        (this.fleet, account, job) = (fleet, new PolicyAccount(fleet), new MachineJob(fleet));
        ranks = fleet.Ranks;
        shardSeconds = fleet.StepSeconds / Busiest(ranks);
        account.Until(fleet.Costs.ProcessStartSeconds + job.Start().Seconds, Loss.InfrastructureRecovery);
    }

    public void Failed(double at, IReadOnlyList<int> lost, FailureCause cause)
    {
        Train(at);
        account.NoteFailure();
        var detect = cause.Remedy == Remedy.Restart ? fleet.Costs.DetectSeconds : fleet.Costs.NodeDetectSeconds;
        var began = Math.Max(at, account.Booked);
        var soFar = Math.Min(1, done + (detect / Pace(ranks)));
        var formed = job.Lose(began + detect, lost, soFar);
        ranks = formed.Ranks;
        Finish(began, detect + formed.Seconds, formed);
        account.Recoveries.Add(account.Booked - at);
    }

    public void Returned(double at, int rank)
    {
        Train(at);
        var began = Math.Max(at, account.Booked);
        var formed = job.Return(began, [rank], done);
        ranks = formed.Ranks;
        Finish(began, formed.Seconds + fleet.FetchSeconds, formed);
    }

    public void End(double at) => Train(at);

    public FleetReport Report(FleetRun run, double days) => account.Report("coordinator", "same bits, no step lost", run, days, job.Generations);

    /// <summary>Shards of the rank that has the most, with so many ranks.</summary>
    private int Busiest(int count) => (fleet.Shards + count - 1) / count;

    /// <summary>A step's seconds with so many ranks.</summary>
    private double Pace(int count) => shardSeconds * Busiest(count);

    private void Train(double at)
    {
        var steps = done + account.Train(at, fleet.StepSeconds / Pace(ranks));
        account.Steps += steps - done;
        done = steps - Math.Floor(steps);
    }

    /// <summary>The interrupted step ends: after the wait, with what is left of it, of which the busiest rank decides.</summary>
    private void Finish(double began, double wait, FormedGeneration formed)
    {
        // Work that stays was the step's rest at the pace of all ranks; the waiting comes first, and what the rest takes longer is work done again.
        double left = Math.Max((1 - done) * fleet.StepSeconds, 0), end = began + wait + (formed.BusiestShards * shardSeconds);
        var productive = Math.Min(left, end - began);
        account.Ledger.Book(Loss.Productive, fleet.Ranks * productive);
        var rest = end - began - productive;
        account.Ledger.Book(Loss.InfrastructureRecovery, fleet.Ranks * Math.Min(wait, rest));
        account.Ledger.Book(Loss.WastedProgress, fleet.Ranks * Math.Max(0, rest - wait));
        account.Steps += 1 - done;
        done = 0;
        account.Skip(end);
    }
}
