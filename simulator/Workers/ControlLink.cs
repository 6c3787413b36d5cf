using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Simulator.Silo;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// One WebSocket connection of a worker to the silo: ordered and lossless in both directions while it stands. Both ends learn of
/// its end, unless a cut hides it from them.
/// </summary>
internal sealed class ControlLink
{
    private readonly VirtualWorld world;
    private readonly SimulatedWorker worker;
    private readonly SiloProcess silo;
    private readonly NetworkMap map;
    private readonly bool json;
    private readonly FifoChannel<WorkerMessage> up;
    private readonly FifoChannel<CoordinatorMessage> down;
    private readonly int workerLife;
    private readonly int siloLife;
    private readonly Action resume;
    private bool closed;
    private Action? pendingNotice;

    public ControlLink(SimulatedWorker worker, SiloProcess silo, NetworkMap map, Scenario scenario)
    {
        world = worker.World;
        (this.worker, this.silo, this.map, json) = (worker, silo, map, scenario.Json);
        (workerLife, siloLife) = (worker.Life, silo.Life);
        up = new(
            world,
            silo,
            () => map.Latency(worker.Node, NetworkMap.Silo, scenario),
            () => map.IsCut(worker.Node, NetworkMap.Silo),
            ReceiveAtSilo);
        down = new(
            world,
            worker,
            () => map.Latency(NetworkMap.Silo, worker.Node, scenario),
            () => map.IsCut(NetworkMap.Silo, worker.Node),
            message =>
            {
                if (!closed)
                    worker.Agent.OnSaid(this, message);
            });
        resume = Resume;
        map.OnHeal(resume);
    }

    /// <summary>What the worker said first, once it arrived.</summary>
    public Hello? Hello { get; private set; }

    public void SendToSilo(WorkerMessage message)
    {
        var sent = json
            ? JsonSerializer.Deserialize(
                JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.WorkerMessage), MachinesJson.Default.WorkerMessage)!
            : message;
        up.Send(() => sent);
    }

    public void SendToWorker(CoordinatorMessage message)
    {
        var sent = json
            ? JsonSerializer.Deserialize(
                JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.CoordinatorMessage),
                MachinesJson.Default.CoordinatorMessage)!
            : message;
        down.Send(() => sent);
    }

    /// <summary>The silo closes it.</summary>
    public void Close(string reason) => TellWorkerOfEnd(reason);

    /// <summary>The silo's process died.</summary>
    public void SiloDied() => TellWorkerOfEnd("connection reset");

    /// <summary>The worker closes it, or its process died.</summary>
    public void WorkerGone(string reason)
    {
        var wait = up.UntilDrained;
        closed = true;
        up.Break(alsoInFlight: false);
        down.Break(alsoInFlight: true);
        Notify(worker.Node, NetworkMap.Silo, wait, () => silo.Arrive(siloLife, false, () =>
        {
            if (Hello is { } hello)
                silo.Disconnected(this, worker.Node, hello.Session, reason);
        }));
    }

    private void TellWorkerOfEnd(string reason)
    {
        var wait = down.UntilDrained;
        up.Break(alsoInFlight: true);
        down.Break(alsoInFlight: false);
        Notify(NetworkMap.Silo, worker.Node, wait, () => worker.Arrive(workerLife, false, () =>
        {
            if (!closed)
                worker.Agent.OnLinkEnded(this, reason);
            closed = true;
        }));
    }

    private void Notify(NodeId from, NodeId to, TimeSpan wait, Action notice)
    {
        if (map.IsCut(from, to))
        {
            pendingNotice = notice;
            return;
        }

        map.Forget(resume);
        world.Schedule(wait, notice);
    }

    private void Resume()
    {
        up.Resume();
        down.Resume();
        if (pendingNotice is { } notice)
        {
            pendingNotice = null;
            world.Schedule(TimeSpan.Zero, notice);
        }
    }

    private void ReceiveAtSilo(WorkerMessage message)
    {
        if (message is Hello hello)
        {
            Hello = hello;
            silo.Accept(this, hello);
            return;
        }

        if (Hello is { } known)
            silo.Said(this, worker.Node, known.Session, message);
    }
}
