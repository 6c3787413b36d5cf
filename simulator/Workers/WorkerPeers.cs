using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// One worker's side of the data plane: connections to the peers of the generation that it knows, keep-alives, and the silence timer.
/// Silence counts from the plan on: before it, a peer may not have heard of the generation yet, and the job's own deadline for answers
/// covers that.
/// </summary>
internal sealed class WorkerPeers(SimulatedWorker process, PeerNetwork network, Scenario scenario)
{
    private readonly SortedDictionary<(string Job, long Generation, string Node), DataConnection> open = [];
    private readonly List<DataConnection> accepted = [];
    private readonly SortedDictionary<string, (long Generation, TimeSpan At)> planned = new(StringComparer.Ordinal);

    private TimeSpan Period => scenario.Spec.FaultTolerance.PeerTimeout / 4;

    public void Begin()
    {
        open.Clear();
        accepted.Clear();
        planned.Clear();
        CorruptNext = null;
        process.Post(Period, Beat, timer: true);
    }

    /// <summary>A peer connected; its frames wait until this process knows the generation.</summary>
    public void Accepted(DataConnection connection) => accepted.Add(connection);

    /// <summary>The process knows a new membership: older connections are closed at once, those to the members opened.</summary>
    public void Adopt(Membership members)
    {
        foreach (var (key, connection) in open.ToArray())
        {
            if (key.Job == members.Job.Value && key.Generation < members.Generation)
            {
                open.Remove(key);
                connection.Close(process);
            }
        }

        foreach (var connection in accepted.Where(c => c.Job == members.Job && c.Generation < members.Generation).ToArray())
        {
            accepted.Remove(connection);
            connection.Close(process);
        }

        if (!members.Members.Any(member => member.Gpu.Node == process.Node && member.Boot == process.Boot))
            return;
        var nodes = new SortedDictionary<NodeId, long>();
        foreach (var member in members.Members)
            nodes[member.Gpu.Node] = member.Boot;
        foreach (var (node, boot) in nodes)
        {
            if (node != process.Node)
                Open(members, node, boot);
        }
    }

    /// <summary>A plan of the generation was taken: silence counts from now on.</summary>
    public void OnPlan(JobId job, long generation)
    {
        if (!planned.TryGetValue(job.Value, out var known) || known.Generation < generation)
            planned[job.Value] = (generation, process.Clock);
    }

    public void Send(JobId job, long generation, NodeId node, Func<Packet> read)
    {
        if (open.TryGetValue((job.Value, generation, node.Value), out var connection))
            connection.Send(process, () => Corrupted(read()));
    }

    private Packet Corrupted(Packet packet)
    {
        if (CorruptNext is not { } corrupted)
            return packet;
        CorruptNext = null;
        corrupted();
        var bytes = (byte[])packet.Bytes.Clone();
        bytes[^1] ^= 1;
        return packet with { Bytes = bytes };
    }

    /// <summary>A fault, where set: the next frame that this process sends arrives with a flipped bit, and this hears of it.</summary>
    public Action? CorruptNext { get; set; }

    /// <summary>Whether any data-plane connection is open.</summary>
    public bool HasConnections => open.Count > 0;

    /// <summary>A fault: one connection is reset, and both ends learn of it.</summary>
    public void ResetOne(Prng prng) => Lose(open.Values.ElementAt(prng.Below(open.Count)), Evidence.ConnectionClosed, "connection reset");

    /// <summary>The process died: all its connections end.</summary>
    public void End()
    {
        foreach (var connection in open.Values.Concat(accepted).ToArray())
            connection.Close(process);
        open.Clear();
        accepted.Clear();
    }

    public void OnClosed(DataConnection connection, string detail) => Lose(connection, Evidence.ConnectionClosed, detail);

    public void OnPacket(DataConnection connection, Packet packet)
    {
        if (packet.Decode(out var header, out var word) is { } wrong)
        {
            Lose(connection, Evidence.Invalid, wrong);
            return;
        }

        if (header.Kind != FrameKind.KeepAlive)
            process.Agent.OnFrame(connection.Job, header, word, packet.Truth);
    }

    private void Open(Membership members, NodeId node, long boot)
    {
        var key = (members.Job.Value, members.Generation, node.Value);
        if (open.ContainsKey(key))
            return;
        var connection = network.Connect(process, node, boot, members.Job, members.Generation);
        if (connection is null)
        {
            // Refused: the process meant is gone. Behind a cut the refusal never comes.
            if (!network.Map.IsCut(process.Node, node) && !network.Map.IsCut(node, process.Node))
            {
                process.Post(scenario.MaxLatency, () => process.Agent.OnPeerLost(
                    members.Job, new PeerLost(node, members.Generation, Evidence.ConnectionClosed, "connection refused")));
            }
            return;
        }

        accepted.Remove(connection);
        open.Add(key, connection);
        connection.Open(process);
    }

    private void Lose(DataConnection connection, Evidence evidence, string detail)
    {
        var node = connection.PeerOf(process);
        if (!open.Remove((connection.Job.Value, connection.Generation, node.Value)))
            return;
        connection.Close(process);
        process.World.Note(process.Name, "loses peer", connection.Generation, (long)evidence, node);
        process.Agent.OnPeerLost(connection.Job, new PeerLost(node, connection.Generation, evidence, detail));
    }

    private void Beat()
    {
        process.Post(Period, Beat, timer: true);
        foreach (var ((job, generation, _), connection) in open.ToArray())
        {
            connection.Send(process, () => Corrupted(Packet.Encode(KeepAlive, null)));
            if (planned.TryGetValue(job, out var plan) && plan.Generation == generation)
            {
                var heard = connection.LastHeard(process);
                var since = heard > plan.At ? heard : plan.At;
                if (process.Clock - since > scenario.Spec.FaultTolerance.PeerTimeout)
                    Lose(connection, Evidence.Silent, "nothing heard for the peer timeout");
            }
        }
    }

    private static FrameHeader KeepAlive { get; } = new()
    {
        Kind = FrameKind.KeepAlive,
        JobTag = 0,
        Incarnation = 0,
        Timeline = 0,
        Generation = 0,
        From = 0,
        To = 0,
        Step = 0,
    };
}
