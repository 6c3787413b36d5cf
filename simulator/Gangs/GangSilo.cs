using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Simulator.Silo;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>
/// A silo with a gang's grain, the cluster's and the nodes': the shipping machines, their states on a disk that takes its time, and
/// messages between them that are lost, repeated and late. A crash loses what was not written, and sometimes only the acknowledgement.
/// </summary>
internal sealed class GangSilo(GangCluster cluster) : SimulatedProcess(cluster.World, "silo", clockSkew: 0.001)
{
    private readonly Dictionary<GrainAddress, string> disk = [];
    private readonly Dictionary<GrainAddress, Host> grains = [];

    /// <summary>Events that were stored.</summary>
    public List<CoordinatorEvent> Events { get; } = [];

    public double Loss { get; set; }

    /// <summary>What happens in the middle of the gang's next write, once; null: nothing does.</summary>
    public Action? AtNextWrite { get; set; }

    private sealed class Host(IMachine machine)
    {
        public IMachine Machine => machine;

        public Queue<GrainMessage> Waiting { get; } = new();

        public bool IsWriting { get; set; }

        public long Wakes { get; set; }
    }

    public void Start()
    {
        Begin();
        foreach (var grain in disk.Keys.ToArray())
            Find(grain);
    }

    public void Crash()
    {
        if (!Alive)
            return;
        End();
        grains.Clear();
        foreach (var node in cluster.Nodes)
            node.Disconnect();
    }

    /// <summary>A gateway has something for a node's grain.</summary>
    public void Hear(NodeId node, GrainMessage message)
    {
        if (Alive)
        {
            Post(
                World.Network.Between(TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(World.Network.Chance(0.01) ? 300 : 5)),
                () => Deliver(GrainAddress.Of(node), message is WorkerSaid { Message: Heartbeat } ? message : Copy(message)));
        }
    }

    public void Deliver(GrainAddress to, GrainMessage message)
    {
        var host = Find(to);
        host.Waiting.Enqueue(message);
        Run(to, host);
    }

    /// <summary>What a grain shows of itself; null: it is not loaded, or there is none.</summary>
    public string? Describe(GrainAddress grain) =>
        grains.TryGetValue(grain, out var host) && host.Machine.Describe(Clock) is not "null" and var view ? view : null;

    /// <summary>What is stored of a grain; null: nothing.</summary>
    public string? Stored(GrainAddress grain) => disk.GetValueOrDefault(grain);

    private Host Find(GrainAddress address)
    {
        if (grains.TryGetValue(address, out var host))
            return host;
        host = new Host(cluster.Plant == GangBug.DrainsForgotten
            ? ForgetfulGrain.Create(address, disk.GetValueOrDefault(address), PlantedBug.DrainsForgotten)
            : MachineFactory.Create(address, disk.GetValueOrDefault(address)));
        grains.Add(address, host);
        host.Waiting.Enqueue(new Activated("simulated") { At = World.TimeOfDay });
        Run(address, host);
        return host;
    }

    private void Run(GrainAddress address, Host host)
    {
        while (!host.IsWriting && host.Waiting.TryDequeue(out var message))
        {
            var outputs = new Outputs();
            host.Machine.Handle(Clock, message, outputs);
            var wake = ++host.Wakes;
            if (host.Machine.NextDeadline is { } at)
            {
                Post(at > Clock ? at - Clock : TimeSpan.Zero, () =>
                {
                    if (wake == host.Wakes && grains.GetValueOrDefault(address) == host)
                        Deliver(address, new DeadlinePassed());
                }, timer: true);
            }
            if (outputs.Items.OfType<PersistState>().LastOrDefault() is not { } persist)
            {
                Send(outputs);
                continue;
            }

            if (cluster.Plant == GangBug.OrderBeforePersist && address.Kind == GrainKind.Gang)
            {
                Send(outputs);
                outputs = new Outputs();
            }

            host.IsWriting = true;
            var written = World.Disk.Between(TimeSpan.FromMilliseconds(0.5), TimeSpan.FromMilliseconds(World.Disk.Chance(0.02) ? 800 : 8));
            var life = Life;
            if (address.Kind == GrainKind.Gang && AtNextWrite is { } strike)
            {
                AtNextWrite = null;
                Post(written * 0.9, strike);
            }

            // The disk may have it although nobody heard so.
            World.Schedule(written, () =>
            {
                if ((Alive && Life == life) || World.Disk.Chance(0.5))
                    disk[address] = persist.StateJson;
            });
            Post(written, () =>
            {
                host.IsWriting = false;
                Send(outputs);
                Run(address, host);
            });
        }
    }

    private void Send(Outputs outputs)
    {
        foreach (var output in outputs.Items)
        {
            switch (output)
            {
                case ObserveEvent observed:
                    Events.Add(observed.Event);
                    World.Note(observed.Event.Kind, observed.Event.Text, observed.Event.Generation ?? 0);
                    break;
                case SendToGrain send when !World.Network.Chance(Loss):
                    var repeats = World.Network.Chance(0.02) ? 2 : 1;
                    for (var i = 0; i < repeats; i++)
                    {
                        Post(World.Network.Between(
                            TimeSpan.FromMilliseconds(0.05),
                            TimeSpan.FromMilliseconds(World.Network.Chance(0.02) ? 400 : 3)), () => Deliver(send.To, Copy(send.Message)));
                    }
                    break;
                case SendToWorker send:
                    Tell(send);
                    break;
            }
        }
    }

    private void Tell(SendToWorker send)
    {
        if (cluster.Find(send.Node) is not { IsConnected: true, IsCutFromSilo: false } node)
            return;
        var (life, session) = (node.Life, node.Session);
        var message = JsonSerializer.Deserialize(
            JsonSerializer.Serialize(send.Message, MachinesJson.Default.CoordinatorMessage), MachinesJson.Default.CoordinatorMessage)!;
        World.Schedule(
            World.Network.Between(TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(World.Network.Chance(0.01) ? 2500 : 5)),
            () => node.Arrive(life, timer: false, () =>
            {
                if (node.Session == session)
                    node.Hear(message);
            }));
    }

    /// <summary>As it would come out of the wire.</summary>
    private static GrainMessage Copy(GrainMessage message) =>
        Contracts.Read<GrainMessage>(JsonSerializer.Serialize(message, MachinesJson.Default.GrainMessage));
}
