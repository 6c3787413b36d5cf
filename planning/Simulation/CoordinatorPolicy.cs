using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Simulation;

/// <summary>
/// This coordinator: survivors keep their state and their work, the dead's shards of the running step are assigned, newcomers fetch the
/// state.
/// Who does what, and how long it takes to agree on it, is the shipping machines' word (<see cref="MachineJob"/>). Newcomers that come
/// while a generation is being formed wait for it and join the next one together, as the machine has it.
/// </summary>
internal sealed class CoordinatorPolicy : IRecoveryPolicy
{
    private readonly FleetSpec fleet;
    private readonly PolicyAccount account;
    private readonly IGenerations generations;
    private readonly SortedSet<int> waiting = [];
    private readonly double shardSeconds;
    private double waitingSince;
    private double done;
    private int ranks;

    public CoordinatorPolicy(FleetSpec fleet, FleetSize size, IGenerations generations)
    {
        (this.fleet, account, this.generations, ranks) = (fleet, new PolicyAccount(fleet, size), generations, size.Powered);
        shardSeconds = fleet.StepSeconds / Busiest(fleet.Ranks);
        account.Until(
            new SitePower(fleet).RampSeconds(ranks) + fleet.Costs.ProcessStartSeconds + generations.Start().Seconds,
            Loss.InfrastructureRecovery);
    }

    public void Failed(double at, IReadOnlyList<int> lost, FailureCause cause)
    {
        // Whoever waits is taken in before the next loss is dealt with: else losses that follow each other closely would leave nobody.
        Join(Math.Max(at, account.Booked));
        Train(at);
        account.NoteFailure();
        var detect = cause.Remedy == Remedy.Restart ? fleet.Costs.DetectSeconds : fleet.Costs.NodeDetectSeconds;
        var began = Math.Max(at, account.Booked);
        var soFar = Math.Min(1, done + (detect / Pace(ranks)));
        var formed = generations.Lose(began + detect, lost, soFar);
        ranks = formed.Ranks;
        Finish(began, detect + formed.Seconds + fleet.Costs.FixedSeconds, formed);
        account.Recoveries.Add(account.Booked - at);
    }

    public void Returned(double at, IReadOnlyList<int> back)
    {
        Join(at);
        waiting.UnionWith(back);
        waitingSince = at;
        Join(at);
    }

    public void Resized(double at, FleetSize size)
    {
        Join(at);
        Train(at);
        account.Resize(size);
    }

    public void End(double at)
    {
        Join(at);
        Train(at);
    }

    public FleetReport Report(FleetRun run, double days) =>
        account.Report("coordinator", "same bits, no step lost", run, days, generations.Count);

    /// <summary>
    /// Newcomers join as soon as the generation before them runs. Each fetches from as many members as it can; more newcomers than members
    /// share what those can send.
    /// </summary>
    private void Join(double at)
    {
        if (waiting.Count == 0 || account.Booked > at)
            return;
        var began = Math.Max(waitingSince, account.Booked);
        Train(began);
        var formed = generations.Return(began, waiting, done);
        var fetch = fleet.FetchSeconds * Math.Max(1, (double)waiting.Count / ranks);
        waiting.Clear();
        ranks = formed.Ranks;
        Finish(began, formed.Seconds + fetch + fleet.Costs.FixedSeconds, formed);
    }

    /// <summary>Shards of the rank that has the most, with so many ranks.</summary>
    private int Busiest(int count) => (fleet.Shards + count - 1) / count;

    /// <summary>A step's seconds with so many ranks.</summary>
    private double Pace(int count) => shardSeconds * Busiest(count);

    private void Train(double at)
    {
        var (size, pace) = (account.Size, Pace(ranks));
        var steps = done + account.Train(at, pace, Pace(size.Installed) / pace, Pace(size.Installed) / Pace(size.Powered), ranks);
        account.Steps += steps - done;
        done = steps - Math.Floor(steps);
    }

    /// <summary>The interrupted step ends: after the wait, with what is left of it, of which the busiest rank decides.</summary>
    private void Finish(double began, double wait, FormedGeneration formed)
    {
        // Work that stays was the step's rest at the pace of all ranks; the waiting comes first, and what the rest takes longer is work
        // done again.
        var size = account.Size;
        double left = Math.Max(1 - done, 0), end = began + wait + (formed.BusiestShards * shardSeconds), rest = end - began;
        Take(Loss.Productive, left * Pace(size.Installed));
        Take(Loss.Unpowered, left * (Pace(size.Powered) - Pace(size.Installed)));
        Take(Loss.InfrastructureRecovery, wait);
        Take(Loss.WastedProgress, rest);
        account.Timeline.Add(began + wait, Loss.InfrastructureRecovery, ranks);
        account.Timeline.Add(end, Loss.Productive, ranks);
        account.Steps += 1 - done;
        done = 0;
        account.Skip(end);

        void Take(Loss kind, double seconds)
        {
            var taken = Math.Min(seconds, rest);
            account.Ledger.Book(kind, size.Installed * taken);
            rest -= taken;
        }
    }
}
