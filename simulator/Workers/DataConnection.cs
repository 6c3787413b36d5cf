using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// The data-plane connection of two worker processes for one generation of a job. What reaches an end that does not know the
/// generation yet waits there unread.
/// </summary>
internal sealed class DataConnection
{
    private readonly VirtualWorld world;
    private readonly NetworkMap map;
    private readonly End[] ends;
    private readonly Action resume;

    public DataConnection(SimulatedWorker low, SimulatedWorker high, JobId job, long generation, NetworkMap map, Scenario scenario)
    {
        world = low.World;
        (this.map, Job, Generation) = (map, job, generation);
        ends = [new End(low), new End(high)];
        for (var i = 0; i < 2; i++)
        {
            var (from, to) = (ends[i], ends[1 - i]);
            from.Channel = new FifoChannel<Packet>(
                world,
                to.Process,
                () => map.Latency(from.Process.Node, to.Process.Node, scenario),
                () => map.IsCut(from.Process.Node, to.Process.Node),
                packet => Receive(to, packet));
        }

        resume = Resume;
        map.OnHeal(resume);
    }

    public JobId Job { get; }
    public long Generation { get; }

    /// <summary>Whether both processes are still those that the connection was made between.</summary>
    public bool IsBetween(SimulatedWorker one, SimulatedWorker other) =>
        Array.TrueForAll(ends, end => (end.Process == one || end.Process == other) && end.Process.Life == end.Life);

    /// <summary>The process knows the generation now: what waited is read.</summary>
    public void Open(SimulatedWorker process)
    {
        var end = EndOf(process);
        if (end.Opened)
            return;
        end.Opened = true;
        end.LastHeard = process.Clock;
        if (end.PeerClosed)
            process.Post(TimeSpan.Zero, () => ReportClosed(end));
        foreach (var packet in end.Unread)
            process.Post(TimeSpan.Zero, () => Receive(end, packet));
        end.Unread.Clear();
    }

    public bool IsOpen(SimulatedWorker process) => EndOf(process) is { Opened: true, Closed: false };

    /// <summary>When the process last heard from its peer, by its own clock.</summary>
    public TimeSpan LastHeard(SimulatedWorker process) => EndOf(process).LastHeard;

    public NodeId PeerOf(SimulatedWorker process) => Other(EndOf(process)).Process.Node;

    public void Send(SimulatedWorker from, Func<Packet> read)
    {
        var end = EndOf(from);
        if (!end.Closed)
            end.Channel!.Send(read);
    }

    /// <summary>The process closes its end, or died; the peer learns of it after what is in flight, once no cut is between them.</summary>
    public void Close(SimulatedWorker process)
    {
        var end = EndOf(process);
        if (end.Closed)
            return;
        end.Closed = true;
        var other = Other(end);
        var wait = end.Channel!.UntilDrained + TimeSpan.FromMilliseconds(0.05);
        end.Channel.Break(alsoInFlight: false);
        other.Channel!.Break(alsoInFlight: false);
        if (other.Closed)
        {
            map.Forget(resume);
            return;
        }

        var notice = () => other.Process.Arrive(other.Life, false, () =>
        {
            other.PeerClosed = true;
            if (other.Opened)
                ReportClosed(other);
        });
        if (map.IsCut(process.Node, other.Process.Node))
            end.Notice = notice;
        else
            world.Schedule(wait, notice);
    }

    private void ReportClosed(End end)
    {
        if (!end.Closed)
            end.Process.Peers.OnClosed(this, "connection closed by peer");
    }

    private void Receive(End end, Packet packet)
    {
        if (end.Closed)
            return;
        if (!end.Opened)
        {
            end.Unread.Add(packet);
            return;
        }

        end.LastHeard = end.Process.Clock;
        end.Process.Peers.OnPacket(this, packet);
    }

    private void Resume()
    {
        foreach (var end in ends)
        {
            end.Channel!.Resume();
            if (end.Notice is { } notice)
            {
                end.Notice = null;
                world.Schedule(TimeSpan.Zero, notice);
            }
        }
    }

    private End EndOf(SimulatedWorker process) => ends[0].Process == process ? ends[0] : ends[1];

    private End Other(End end) => end == ends[0] ? ends[1] : ends[0];

    private sealed class End(SimulatedWorker process)
    {
        public SimulatedWorker Process { get; } = process;
        public int Life { get; } = process.Life;
        public FifoChannel<Packet>? Channel { get; set; }
        public bool Opened { get; set; }
        public bool Closed { get; set; }
        public bool PeerClosed { get; set; }
        public TimeSpan LastHeard { get; set; }
        public List<Packet> Unread { get; } = [];
        public Action? Notice { get; set; }
    }
}
