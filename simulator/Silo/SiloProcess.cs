using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Silo;

/// <summary>
/// A silo: activates grains when they are spoken to, carries their messages, holds the workers' connections, and keeps everything
/// that must last on its disk. Restarted, it wakes the stored jobs.
/// </summary>
internal sealed class SiloProcess(VirtualWorld world, Scenario scenario, Checkers checkers, Func<GrainAddress, string?, IMachine> machines)
    : SimulatedProcess(world, "silo", scenario.ClockSkew)
{
    private readonly SortedDictionary<string, GrainHost> grains = new(StringComparer.Ordinal);
    private readonly SortedDictionary<NodeId, ControlLink> links = [];

    public Scenario Scenario { get; } = scenario;
    public Checkers Checkers { get; } = checkers;
    public Func<GrainAddress, string?, IMachine> Machines { get; } = machines;
    public SimulatedDisk Disk { get; init; } = new(world, scenario, checkers);
    public string SiloName => $"silo-{Life}";

    /// <summary>Turns taken.</summary>
    public long Turns { get; private set; }

    /// <summary>What makes messages between grains worse for a while.</summary>
    public Weather Weather { get; } = new();

    /// <summary>Told of every output of a turn, before it is carried out.</summary>
    public Action<GrainAddress, Output>? OnDecided { get; set; }

    /// <summary>Takes what is sent to workers, where there are none with connections of their own; null: the connections do.</summary>
    public Action<SendToWorker>? WorkerSink { get; init; }

    /// <summary>Whether messages between grains may be lost, repeated and delayed; off once the world is healed.</summary>
    public bool Lossy { get; set; } = true;

    public void Start()
    {
        Begin();
        foreach (var key in Disk.StoredJobs())
            Activate(new GrainAddress(GrainKind.Job, key));
    }

    /// <summary>The process dies, and with it, unless the tail is kept, its machine.</summary>
    public void Crash(UnsyncedTail tail = UnsyncedTail.Kept)
    {
        End();
        foreach (var grain in grains.Values)
            grain.Discard();
        grains.Clear();
        foreach (var link in links.Values.ToArray())
            link.SiloDied();
        links.Clear();
        Disk.OnCrash(tail);
    }

    /// <summary>Tells a grain something from outside, activating it if need be.</summary>
    public void Tell(GrainAddress grain, GrainMessage message)
    {
        if (!grains.TryGetValue(grain.ToString(), out var host))
            host = Activate(grain);
        host.Tell(message);
    }

    /// <summary>The grain's view, or null where it is not active.</summary>
    public string? Describe(GrainAddress grain) => grains.TryGetValue(grain.ToString(), out var host) ? host.Describe() : null;

    /// <summary>A machine takes a turn.</summary>
    public void OnTurn() => Turns++;

    /// <summary>A write failed, or the activation is ended: the machine is discarded and rebuilt from storage.</summary>
    public void Reload(GrainHost host)
    {
        World.Note(Name, "reloads", 0, 0, host.Address);
        host.Discard();
        grains.Remove(host.Address.ToString());
        Activate(host.Address);
    }

    /// <summary>
    /// Whether some activation may be thrown away. One that is writing is not: its write would race with its successor's load, which
    /// engines exclude.
    /// </summary>
    public bool MayReload => grains.Values.Any(grain => !grain.IsWriting);

    /// <summary>Ends and rebuilds one activation, as an idle collection or a lost race would.</summary>
    public void ReloadOne(Prng prng) => Reload(prng.Pick(grains.Values.Where(grain => !grain.IsWriting).ToArray()));

    /// <summary>Whether this grain is active, and its activation may be thrown away.</summary>
    public bool MayReloadGrain(GrainAddress grain) => grains.TryGetValue(grain.ToString(), out var host) && !host.IsWriting;

    /// <summary>Ends and rebuilds the activation of this grain.</summary>
    public void ReloadGrain(GrainAddress grain) => Reload(grains[grain.ToString()]);

    /// <summary>Carries out a send of a grain, whose writes before it are durable.</summary>
    public void Send(GrainAddress from, Output output)
    {
        switch (output)
        {
            case SendToGrain send:
                World.Note(from.ToString(), "→ grain", 0, 0, send);
                Carry(send.To, send.Message, Lossy);
                break;
            case SendToWorker send:
                World.Note(from.ToString(), "→ worker", 0, 0, send);
                if (WorkerSink is { } sink)
                    sink(send);
                else if (links.TryGetValue(send.Node, out var link))
                    link.SendToWorker(send.Message);
                break;
        }
    }

    public void Accept(ControlLink link, Hello hello)
    {
        if (links.TryGetValue(hello.Node, out var old) && old != link)
            old.Close("a newer connection of the node");
        links[hello.Node] = link;
        World.Note(Name, "accepts", hello.Session.Boot, hello.Session.Connection, hello.Node);
        Carry(GrainAddress.Of(hello.Node), new WorkerConnected(hello.Session, hello), Lossy && (Scenario.LossyGateway || !Weather.IsCalm));
    }

    public void Said(ControlLink link, NodeId node, WorkerSession session, WorkerMessage message)
    {
        if (links.TryGetValue(node, out var current) && current == link)
            Carry(GrainAddress.Of(node), new WorkerSaid(session, message), Lossy && (Scenario.LossyGateway || !Weather.IsCalm));
    }

    public void Disconnected(ControlLink link, NodeId node, WorkerSession session, string reason)
    {
        if (links.TryGetValue(node, out var current) && current == link)
            links.Remove(node);
        Carry(GrainAddress.Of(node), new WorkerDisconnected(session, reason), Lossy && (Scenario.LossyGateway || !Weather.IsCalm));
    }

    public void OnModelUploaded(JobId job, long step, string sha256) =>
        Disk.WriteModel(
            this,
            step,
            sha256,
            () => Carry(GrainAddress.Of(job), new ModelStored(sha256, 8 * Scenario.StateBlocks) { Step = step }, Lossy));

    private GrainHost Activate(GrainAddress address)
    {
        World.Note(Name, "activates", 0, 0, address);
        var host = new GrainHost(this, address, Disk.Load(address));
        grains[address.ToString()] = host;
        return host;
    }

    private void Carry(GrainAddress to, GrainMessage message, bool lossy)
    {
        if (lossy && World.Network.Chance(Scenario.Loss + Weather.Loss))
        {
            World.Note("network", "loses", 0, 0, message);
            return;
        }

        CarryOnce(to, message, lossy);
        if (lossy && World.Network.Chance(Scenario.Duplication + Weather.Duplication))
            CarryOnce(to, message, lossy);
    }

    private void CarryOnce(GrainAddress to, GrainMessage message, bool lossy)
    {
        if (Scenario.Json)
        {
            message = JsonSerializer.Deserialize(
                JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.GrainMessage), MachinesJson.Default.GrainMessage)!;
        }
        // Without loss the delay is fixed: messages keep their order, as within one process.
        var delay = lossy ? World.Network.Between(
            TimeSpan.FromMilliseconds(0.02), TimeSpan.FromMilliseconds(0.2)) : TimeSpan.FromMilliseconds(0.05);
        if (lossy && World.Network.Chance(Scenario.Straggle + Weather.Straggle))
            delay *= World.Network.Between(1, 500);
        var life = Life;
        World.ScheduleWork(delay, () =>
        {
            if (Scenario.MessagesOutliveSilo)
                life = Life;
            Arrive(life, false, () => Tell(to, message));
        });
    }
}
