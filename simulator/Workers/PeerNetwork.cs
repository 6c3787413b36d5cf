using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <summary>All workers by node, and the data-plane connections between them by (job, generation, pair).</summary>
internal sealed class PeerNetwork(NetworkMap map, Scenario scenario)
{
    private readonly SortedDictionary<NodeId, SimulatedWorker> workers = [];
    private readonly SortedDictionary<(string Job, long Generation, string Low, string High), DataConnection> connections = [];

    public NetworkMap Map { get; } = map;

    public void Add(SimulatedWorker worker) => workers.Add(worker.Node, worker);

    /// <summary>
    /// A rank, or with its process every rank of that, is about to give up what it holds, of its own accord: where the job goes on, and
    /// that is the last or the last but one step, somebody else holds that, too. Not asked once the job has gone back to a checkpoint: then
    /// a state may be the furthest and worth nothing; nor where it had finished, and let its ranks go, before it was given more steps.
    /// </summary>
    public void OnGivingUp(SimulatedWorker process, SimulatedRank? only = null)
    {
        var checkers = process.Checkers;
        var least = Math.Max(0, checkers.Steps.Highest - 1);
        var holders = workers.Values.Where(worker => worker.Alive).SelectMany(worker => worker.Agent.Ranks.Select(rank => (worker, rank)))
            .Where(pair => pair.rank.HeldStep >= least).ToArray();
        bool Goes((SimulatedWorker Worker, SimulatedRank Rank) holder) => only is null ? holder.Worker == process : holder.Rank == only;
        if (checkers.Final is { IsOver: false, Restored: 0, Reopened: false } && holders.Length > 0 && Array.TrueForAll(holders, Goes))
        {
            checkers.Fail(
                Invariants.LastStateStays, $"{process.Node} gives up the state of step {least} or later, which nobody else holds");
        }
    }

    /// <summary>Connects to the process of a node, if it is still the one meant; null where it refuses.</summary>
    public DataConnection? Connect(SimulatedWorker from, NodeId node, long boot, JobId job, long generation)
    {
        var to = workers[node];
        if (!to.Alive || to.Boot != boot)
            return null;
        var (low, high) = from.Node.CompareTo(node) < 0 ? (from, to) : (to, from);
        var key = (job.Value, generation, low.Node.Value, high.Node.Value);
        if (connections.TryGetValue(key, out var connection) && connection.IsBetween(from, to))
            return connection;
        connection = new DataConnection(low, high, job, generation, Map, scenario);
        connections[key] = connection;
        to.Peers.Accepted(connection);
        return connection;
    }
}
