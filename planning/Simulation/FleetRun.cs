namespace Coordinator.Planning.Simulation;

/// <summary>
/// The course that all policies share: failures strike, nodes are replaced or repaired, ranks come back, the cluster grows and gets its
/// power.
/// A policy says what that does to the training (<see cref="IRecoveryPolicy"/>).
/// </summary>
internal sealed class FleetRun
{
    private readonly FleetSpec fleet;
    private readonly IReadOnlyList<Failure> failures;
    private readonly IReadOnlyList<FleetSize> sizes;
    private readonly RepairShop shop;
    private readonly SitePower power;
    private readonly List<Failure> strikes = [];
    private readonly bool[] up;
    private readonly PriorityQueue<int, (double At, int Rank)> returns = new();

    public FleetRun(FleetSpec fleet, IReadOnlyList<Failure> failures)
    {
        (this.fleet, this.failures, shop, power, sizes) = (
            fleet, failures, new RepairShop(fleet), new SitePower(fleet), FleetSize.Of(fleet));
        up = new bool[fleet.Ranks];
        Array.Fill(up, true, 0, Start.Powered);
        RanksUp = Start.Powered;
    }

    /// <summary>The cluster at the start.</summary>
    public FleetSize Start => sizes[0];

    /// <summary>Ranks whose nodes are whole and whose processes run.</summary>
    public int RanksUp { get; private set; }

    /// <summary>Failures that struck a rank that was up.</summary>
    public IReadOnlyList<Failure> Strikes => strikes;

    /// <summary>Nodes in repair.</summary>
    public RepairShop Shop => shop;

    /// <summary>Runs it for so many days; <paramref name="progress"/> hears the day now and then.</summary>
    public void Run(IRecoveryPolicy policy, double days, Action<double>? progress)
    {
        double end = days * 86_400, told = 0;
        int next = 0, size = 1;
        while (true)
        {
            var failing = next < failures.Count ? failures[next].At : double.PositiveInfinity;
            var resizing = size < sizes.Count ? sizes[size].At : double.PositiveInfinity;
            var repaired = shop.NextRepaired ?? double.PositiveInfinity;
            var returning = returns.TryPeek(out _, out var key) ? key.At : double.PositiveInfinity;
            var at = Math.Min(Math.Min(failing, resizing), Math.Min(repaired, returning));
            if (at >= end)
                break;
            if (at - told > 86_400)
                progress?.Invoke((told = at) / 86_400);
            if (at == failing)
                Strike(policy, failures[next++]);
            else if (at == resizing)
                Resize(policy, sizes[size - 1].Powered, sizes[size++]);
            else if (at == returning)
                Return(policy, at);
            else if (shop.Repaired() is { } whole)
                StartProcesses(whole, at);
        }

        policy.End(end);
    }

    private void Resize(IRecoveryPolicy policy, int powered, FleetSize size)
    {
        policy.Resized(size.At, size);
        for (var rank = powered; rank < size.Powered; rank++)
            StartProcesses(rank, size.At);
    }

    /// <summary>All that come back at one time do so together: what one shared part had taken away, for instance.</summary>
    private void Return(IRecoveryPolicy policy, double at)
    {
        List<int> back = [];
        while (returns.TryPeek(out var rank, out var key) && key.At == at)
        {
            returns.Dequeue();
            up[rank] = true;
            back.Add(rank);
        }

        RanksUp += back.Count;
        policy.Returned(at, back);
    }

    private void StartProcesses(int rank, double at) => returns.Enqueue(rank, (power.Admit(at) + fleet.Costs.ProcessStartSeconds, rank));

    private void Strike(IRecoveryPolicy policy, Failure failure)
    {
        var (cause, at) = (failure.Cause, failure.At);
        var nodes = Enumerable.Range(
            failure.FirstNode, Math.Min(cause.Nodes, fleet.AllNodes - failure.FirstNode)).GroupBy(node => node / fleet.NodesPerRank)
            .Where(rank => up[rank.Key]).Select(rank => (Rank: rank.Key, Nodes: rank.Count())).ToArray();

        // Somebody is left, always: what takes the whole site at once is not among the causes.
        if (nodes.Length == 0 || nodes.Length >= RanksUp)
            return;
        strikes.Add(failure);
        foreach (var (rank, count) in nodes)
        {
            up[rank] = false;
            RanksUp--;
            if (cause.Remedy == Remedy.Restart)
                StartProcesses(rank, at);
            else if (shop.Replace(at, rank, count, failure))
                StartProcesses(rank, at + fleet.Costs.ReplaceSeconds);
        }

        policy.Failed(at, [.. nodes.Select(hit => hit.Rank)], cause);
    }
}
