namespace Coordinator.Simulator.Planning;

/// <summary>
/// The course that all policies share: failures strike, nodes are replaced or repaired, ranks come back. A policy says what that does to the
/// training (<see cref="IRecoveryPolicy"/>).
/// </summary>
internal sealed class FleetRun
{
    private readonly FleetSpec fleet;
    private readonly IReadOnlyList<Failure> failures;
    private readonly RepairShop shop;
    private readonly bool[] up;
    private readonly PriorityQueue<int, (double, int)> returns = new();

    public FleetRun(FleetSpec fleet, IReadOnlyList<Failure> failures)
    {
        (this.fleet, this.failures, shop) = (fleet, failures, new RepairShop(fleet));
        up = new bool[fleet.Ranks];
        Array.Fill(up, true);
        RanksUp = fleet.Ranks;
    }

    /// <summary>Ranks whose nodes are whole and whose processes run.</summary>
    public int RanksUp { get; private set; }

    /// <summary>Failures that struck a rank that was up.</summary>
    public int Struck { get; private set; }

    /// <summary>Nodes in repair.</summary>
    public RepairShop Shop => shop;

    /// <summary>Runs it for so many days; <paramref name="progress"/> hears the day now and then.</summary>
    public void Run(IRecoveryPolicy policy, double days, Action<double>? progress)
    {
        double end = days * 86_400, told = 0;
        var next = 0;
        while (true)
        {
            var failing = next < failures.Count ? failures[next].At : double.PositiveInfinity;
            var repaired = shop.NextRepaired ?? double.PositiveInfinity;
            var returning = returns.TryPeek(out _, out var key) ? key.Item1 : double.PositiveInfinity;
            var at = Math.Min(failing, Math.Min(repaired, returning));
            if (at >= end)
                break;
            if (at - told > 86_400)
                progress?.Invoke((told = at) / 86_400);
            if (at == failing)
                Strike(policy, failures[next++]);
            else if (at == returning)
            {
                var rank = returns.Dequeue();
                up[rank] = true;
                RanksUp++;
                policy.Returned(at, rank);
            }
            else if (shop.Repaired() is { } whole)
                returns.Enqueue(whole, (at + fleet.Costs.ProcessStartSeconds, whole));
        }

        policy.End(end);
    }

    private void Strike(IRecoveryPolicy policy, Failure failure)
    {
        var (cause, at) = (failure.Cause, failure.At);
        var nodes = Enumerable.Range(failure.FirstNode, Math.Min(cause.Nodes, fleet.Nodes - failure.FirstNode)).GroupBy(node => node / fleet.NodesPerRank)
            .Where(rank => up[rank.Key]).Select(rank => (Rank: rank.Key, Nodes: rank.Count())).ToArray();

        // Somebody is left, always: what takes the whole site at once is not among the causes.
        if (nodes.Length == 0 || nodes.Length >= RanksUp)
            return;
        Struck++;
        foreach (var (rank, count) in nodes)
        {
            up[rank] = false;
            RanksUp--;
            if (cause.Remedy == Remedy.Restart)
                returns.Enqueue(rank, (at + fleet.Costs.ProcessStartSeconds, rank));
            else if (shop.Replace(at, rank, count, failure.RepairSeconds))
                returns.Enqueue(rank, (at + fleet.Costs.ReplaceSeconds + fleet.Costs.ProcessStartSeconds, rank));
        }

        policy.Failed(at, [.. nodes.Select(hit => hit.Rank)], cause);
    }
}
