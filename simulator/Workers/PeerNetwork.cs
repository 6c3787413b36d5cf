using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>All workers by node, and the data-plane connections between them by (job, generation, pair).</summary>
internal sealed class PeerNetwork(NetworkMap map, Scenario scenario)
{
    private readonly SortedDictionary<NodeId, WorkerProcess> workers = [];
    private readonly SortedDictionary<(string Job, long Generation, string Low, string High), DataConnection> connections = [];

    public NetworkMap Map { get; } = map;

    public void Add(WorkerProcess worker) => workers.Add(worker.Node, worker);

    /// <summary>A process ends of its own accord: where the job has begun and goes on, another one holds the last or the last but one step.</summary>
    public void OnEnd(WorkerProcess process)
    {
        var checkers = process.Checkers;
        if (!checkers.Orders.PlansMade || checkers.Final.IsOver)
            return;
        var least = Math.Max(0, checkers.Steps.Highest - 1);
        if (!workers.Values.Any(other => other != process && other.Alive && other.Agent.Ranks.Any(rank => rank.HeldStep >= least)))
            checkers.Fail(Invariants.LastStateStays, $"{process.Node} ends, and nobody else holds the state of step {least} or later");
    }

    /// <summary>Connects to the process of a node, if it is still the one meant; null where it refuses.</summary>
    public DataConnection? Connect(WorkerProcess from, NodeId node, long boot, JobId job, long generation)
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
