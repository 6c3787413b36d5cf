using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>All workers by node, and the data-plane connections between them by (job, generation, pair).</summary>
internal sealed class PeerNetwork(NetworkMap map, Scenario scenario)
{
    private readonly SortedDictionary<NodeId, WorkerProcess> workers = [];
    private readonly SortedDictionary<(string Job, long Generation, string Low, string High), DataConnection> connections = [];

    public NetworkMap Map { get; } = map;

    public void Add(WorkerProcess worker) => workers.Add(worker.Node, worker);

    /// <summary>
    /// A process is about to give up what its ranks hold, of its own accord: where the job goes on, and they hold the last or the last but
    /// one step, another process does, too.
    /// </summary>
    public void OnGivingUp(WorkerProcess process)
    {
        var checkers = process.Checkers;
        var least = Math.Max(0, checkers.Steps.Highest - 1);
        if (!checkers.Final.IsOver && Holds(process, least) && !workers.Values.Any(other => other != process && other.Alive && Holds(other, least)))
            checkers.Fail(Invariants.LastStateStays, $"{process.Node} gives up the state of step {least} or later, which nobody else holds");
    }

    private static bool Holds(WorkerProcess process, long least) => process.Agent.Ranks.Any(rank => rank.HeldStep >= least);

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
