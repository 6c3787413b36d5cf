using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.Faults;
using Coordinator.Simulator.Silo;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator;

/// <summary>The processes of one run, and what the injector has to know of all of them together.</summary>
internal sealed class SimulatedCluster
{
    public SimulatedCluster(VirtualWorld world, Scenario scenario, Checkers checkers, ToyModel model)
    {
        Checkers = checkers;
        Map = new NetworkMap(world);
        Silo = new SiloProcess(world, scenario, checkers, world.Options.Plant switch
        {
            PlantedBug.StaleIncarnationObeyed => FencelessGrain.Create,
            PlantedBug.HeldWorkDealtAway => (address, state) => ReassigningGrain.Create(address, state, model.Shards),
            PlantedBug.StaleOfferTaken or PlantedBug.DrainedLetGoEarly or PlantedBug.DrainsForgotten =>
                (address, state) => ForgetfulGrain.Create(address, state, world.Options.Plant),
            _ => MachineFactory.Create,
        });
        var network = new PeerNetwork(Map, scenario);
        var folder = new SharedFolder(scenario.Spec.Training.Seed, world.Options.Faults);
        Workers = [.. Enumerable.Range(1, scenario.Nodes).Select(
            i => new SimulatedWorker(world, new NodeId($"node-{i}"), scenario, Silo, network, folder, checkers, model, Moments))];
        foreach (var worker in Workers)
            network.Add(worker);
    }

    public Checkers Checkers { get; }
    public NetworkMap Map { get; }
    public SiloProcess Silo { get; }
    public IReadOnlyList<SimulatedWorker> Workers { get; }
    public Moments Moments { get; } = new();

    public int MostRanksOfWorker => Workers.Max(worker => worker.Scenario.GpusPerNode);

    /// <summary>
    /// Whether killing this process might leave no member with the state: only where plans are out, since before them everybody
    /// initialises.
    /// </summary>
    public bool WouldLoseState(SimulatedWorker victim) => Checkers.Orders.PlansMade && HoldersBeside(victim) == 0;

    /// <summary>
    /// Other processes that the job can go on from: alive, reachable, staying, members of the newest generation, with the whole state of
    /// the last or the last but one step. What a hanging program holds is not counted, since it goes when its worker ends it, and neither
    /// is what lies on a drained gpu: it may be let go at any moment, since this one holds it too.
    /// </summary>
    public int HoldersBeside(SimulatedWorker victim) => Workers.Count(worker => worker != victim
        && worker is { Alive: true, Frozen: false, Leaving: false }
        && !Map.IsCut(worker.Node, NetworkMap.Silo) && !Map.IsCut(NetworkMap.Silo, worker.Node)
        && Checkers.Orders.Newest is { } members
            && members.Members.Any(member => member.Gpu.Node == worker.Node && member.Boot == worker.Boot)
        && worker.Agent.Ranks.Any(rank => !rank.IsHanging
            && !Checkers.Drains.Durable.Any(drain => drain.Covers(rank.Gpu))
            && rank.HeldStep >= Math.Max(0, Checkers.Steps.Highest - 1)));
}
