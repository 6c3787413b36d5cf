using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.Faults;
using Coordinator.Simulator.Silo;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// One worker process of a node: its agent, its peers, and a host for each rank. A new life has a new boot and an empty memory.
/// </summary>
internal sealed class SimulatedWorker : SimulatedProcess
{
    private const long BootBase = 1_700_000_000_000;

    public SimulatedWorker(
        VirtualWorld world,
        NodeId node,
        Scenario scenario,
        SiloProcess silo,
        PeerNetwork network,
        SharedFolder folder,
        Checkers checkers,
        ToyModel model,
        Moments moments)
        : base(world, node.Value, scenario.ClockSkew)
    {
        (Node, Scenario, Silo, Checkers, Model, Moments) = (node, scenario, silo, checkers, model, moments);
        (Network, Folder) = (network, folder);
        Peers = new WorkerPeers(this, network, scenario);
        Agent = new WorkerAgent(this);
        ComputeFactor = new double[scenario.GpusPerNode];
        Array.Fill(ComputeFactor, 1);
    }

    public NodeId Node { get; }
    public Scenario Scenario { get; }
    public SiloProcess Silo { get; }
    public PeerNetwork Network { get; }
    public SharedFolder Folder { get; }
    public Checkers Checkers { get; }
    public ToyModel Model { get; }
    public Moments Moments { get; }
    public WorkerPeers Peers { get; }
    public WorkerAgent Agent { get; private set; }

    /// <summary>How much longer than ordinary each gpu takes; a fault.</summary>
    public double[] ComputeFactor { get; }

    /// <summary>How much longer than ordinary its devices take to write a state; a fault.</summary>
    public double StateFactor { get; set; } = 1;

    /// <summary>What goes wrong with the programs of its ranks; null: its devices are no programs.</summary>
    public ProgramFaults? Programs { get; set; }

    /// <summary>Names this life, in milliseconds since 1970, as in production.</summary>
    public long Boot { get; private set; }

    /// <summary>Whether it was asked to end, and ends once its ranks are released.</summary>
    public bool Leaving { get; set; }

    public void Start()
    {
        Begin();
        Leaving = false;
        Boot = Math.Max(Boot + 1, BootBase + (long)World.Now.TotalMilliseconds);
        Agent = new WorkerAgent(this);
        Peers.Begin();
        Agent.Begin();
    }

    /// <summary>SIGKILL: the kernel closes the connections, nothing else is done.</summary>
    public void Kill()
    {
        End();
        Agent.Died();
        Peers.End();
    }
}
