using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Conformance;

/// <summary>The agent of a gang on a fake worker: the real machine, with processes that do nothing until a transcript ends them.</summary>
internal sealed class FakeGang(JobId job, FakeWorker worker)
{
    private readonly GangAgentMachine agent = new(job, worker.Session.Boot);
    private readonly SortedSet<int> alive = [];
    private readonly List<WorkerMessage> said = [];

    /// <summary>Highest generation of which a process lives here; 0: none does.</summary>
    public long RunsGeneration => alive.Count > 0 ? agent.Generation : 0;

    /// <summary>Whether a peer of that generation is answered.</summary>
    public bool Answers(long generation) => agent.Answers(generation);

    /// <summary>The time of the stage, which its orders and reports are told by.</summary>
    public required Func<TimeSpan> Clock { get; init; }

    /// <summary>Whom its questions go to.</summary>
    public Func<NodeId, FakeWorker?> Peers { get; init; } = _ => null;

    /// <summary>What it says because of an order.</summary>
    public IReadOnlyList<WorkerMessage> Obey(GangOrder order) => Take(new AgentOrdered(order));

    /// <summary>What it says because time has passed.</summary>
    public IReadOnlyList<WorkerMessage> OnTime() => agent.NextDeadline is { } due && Clock() >= due ? Take(new AgentTimePassed()) : [];

    /// <summary>A process ends.</summary>
    public IReadOnlyList<WorkerMessage> End(int rank, IEnumerable<string> fields)
    {
        var exit = new GangExit(0, null, 0);
        foreach (var (name, value) in fields.Select(field => (field.Split('=', 2)[0], field.Split('=', 2)[1])))
        {
            exit = name switch
            {
                "code" => exit with { Code = int.Parse(value, CultureInfo.InvariantCulture), Signal = null },
                "signal" => exit with { Code = null, Signal = int.Parse(value, CultureInfo.InvariantCulture) },
                "port" => exit with { PortTaken = value == "taken" },
                "line" => exit with { LastLines = [value] },
                _ => throw new FormatException($"an end has no '{name}'"),
            };
        }

        alive.Remove(rank);
        return Take(new AgentRankEnded(agent.Generation, rank, exit));
    }

    /// <summary>A process tells a step.</summary>
    public IReadOnlyList<WorkerMessage> Step(long step) => Take(new AgentHeardRank(agent.Generation, step));

    private IReadOnlyList<WorkerMessage> Take(GangAgentInput first)
    {
        said.Clear();
        var inputs = new Queue<GangAgentInput>([first]);
        while (inputs.TryDequeue(out var input))
        {
            var outputs = new List<GangAgentOutput>();
            agent.Handle(Clock(), input, outputs);
            foreach (var next in outputs.SelectMany(CarryOut))
                inputs.Enqueue(next);
        }

        return [.. said];
    }

    private IEnumerable<GangAgentInput> CarryOut(GangAgentOutput output)
    {
        switch (output)
        {
            case PrepareRanks prepare:
                return [new AgentPrepared(prepare.Generation, prepare.Seat.Index == 0 ? 29500 : 0, 29600)];
            case RunRanks run:
                alive.UnionWith(Enumerable.Range(run.Seat.Index * run.Seat.Gpus.Count, run.Seat.Gpus.Count));
                return [.. alive.Select(rank => new AgentRankStarted(run.Generation, rank, 1000 + rank))];
            case EndRanks or KillRanks:
                var ended = alive.Select(
                    rank => new AgentRankEnded(agent.Generation, rank, new GangExit(null, output is EndRanks ? 15 : 9, 0))).ToArray();
                alive.Clear();
                return ended;
            case AskPeers ask:
                return [.. ask.Start.Panel.Where(
                    peer => Peers(new NodeId(peer.Address.Split(':')[0])) is { Alive: true, Silent: false } other
                        && other != worker
                        && other.GangOf(job)?.Answers(ask.Generation) == true)
                    .Select(peer => new AgentPeerAnswered(ask.Generation, peer.Index, ask.SentAt))];
            case TellGang tell:
                said.Add(tell.Report);
                return [];
            default:
                return [];
        }
    }
}
