namespace Coordinator.Machines.Clusters;

/// <content>
/// Nodes whose data port no peer reaches. They look well to the silo, are offered, are put out of the generation that they came into, and
/// would be offered again for ever, each time at the cost of an interruption. <see cref="ReachPolicy"/> decides; nothing of it is durable,
/// since it is learned again in a few generations.
/// </content>
public sealed partial class ClusterMachine
{
    private readonly SortedDictionary<NodeId, Reach> reaches = [];

    /// <summary>What peers said of a node's address, since it has that one and this process.</summary>
    private sealed class Reach(string address, long boot)
    {
        public string Address => address;

        public long Boot => boot;

        public SortedSet<NodeId> Peers { get; } = [];

        public HashSet<(JobId Job, long Generation)> Generations { get; } = [];

        public TimeSpan SaidAt { get; set; }

        public int Times { get; set; }

        /// <summary>When it has another chance; null: it is not set aside.</summary>
        public TimeSpan? Until { get; set; }

        public string Reason { get; set; } = "";
    }

    private TimeSpan? NextChance => reaches.Values.Min(reach => reach.Until);

    private void TakeReport(NodeReported report) => outputs.Send(
        GrainAddress.Of(report.Node),
        new NodeReportTaken(report.Session, report.Sequence)
        {
            SetAside = reaches.TryGetValue(report.Node, out var reach) && reach.Until is not null ? reach.Reason : null,
            Watched = WatchedOf(report),
            Drained = drains.Find(report.Node, null)?.Text,
        });

    private void OnUnreached(NodeUnreached said)
    {
        if (inventory.Find(said.Node) is not { } node || node.DataAddress != said.Address)
            return;
        if (!reaches.TryGetValue(said.Node, out var reach))
            reaches.Add(said.Node, reach = new Reach(node.DataAddress, node.Session.Boot));
        if (reach.Until is not null)
            return;
        if (now > reach.SaidAt + ReachPolicy.Memory)
            Forget(reach);
        reach.SaidAt = now;
        reach.Peers.Add(said.By);
        reach.Generations.Add((said.Job, said.Generation));
        var decision = ReachPolicy.Decide(said.Address, reach.Peers, reach.Generations.Count, reach.Times, said.Detail);
        if (!decision.IsSetAside)
            return;
        reach.Until = now + decision.Pause;
        reach.Times++;
        reach.Reason = decision.Reason;
        Forget(reach);
        inventory.SetAside(said.Node, true);
        outputs.Observe(new CoordinatorEvent
        {
            Kind = EventKinds.NodeSetAside,
            Node = said.Node,
            Cause = "unreached",
            Text = $"{said.Node} is given to no job for {decision.Pause.TotalMinutes:0} min: {decision.Reason}",
        });
        TakeReport(node);
        Settle(outputs, inventory.OwnersOn(said.Node));
    }

    private static void Forget(Reach reach)
    {
        reach.Peers.Clear();
        reach.Generations.Clear();
    }

    /// <summary>Another address, or another process, is another matter.</summary>
    private void ForgetIfMoved(NodeReported report)
    {
        if (!reaches.TryGetValue(report.Node, out var reach) || (reach.Address == report.DataAddress && reach.Boot == report.Session.Boot))
            return;
        reaches.Remove(report.Node);
        inventory.SetAside(report.Node, false);
    }

    /// <summary>Nodes whose pause is over are given out again.</summary>
    /// <returns>Whether there were any.</returns>
    private bool GiveAnotherChance()
    {
        var any = false;
        foreach (var (node, reach) in reaches)
        {
            if (!(now >= reach.Until))
                continue;
            reach.Until = null;
            inventory.SetAside(node, false);
            if (inventory.Find(node) is { } report)
                TakeReport(report);
            any = true;
        }

        return any;
    }

    /// <summary>A job that lacks gpus hears of those that it would have if peers reached them.</summary>
    private HeldBack? HeldBySetAside(string? wanted)
    {
        foreach (var (node, reach) in reaches)
        {
            if (reach.Until is not null && inventory.Find(node) is { Up: true } report && report.Gpus.Any(
                gpu => DeviceClasses.Matches(wanted, gpu.DeviceClass) && inventory.OwnerOf(new GpuId(node, gpu.Index)) is null))
            {
                return new HeldBack("unreached", $"{node} is set aside, since {reach.Reason}");
            }
        }

        return null;
    }
}
