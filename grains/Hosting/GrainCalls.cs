using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>Which operation of which grain takes which message.</summary>
public static class GrainCalls
{
    private static readonly (GrainType Type, GrainInterfaceType Face) Cluster = Names(GrainNames.Cluster, GrainNames.ClusterInterface);
    private static readonly (GrainType Type, GrainInterfaceType Face) Node = Names(GrainNames.Node, GrainNames.NodeInterface);
    private static readonly (GrainType Type, GrainInterfaceType Face) Gpu = Names(GrainNames.Gpu, GrainNames.GpuInterface);
    private static readonly (GrainType Type, GrainInterfaceType Face) Job = Names(GrainNames.Job, GrainNames.JobInterface);
    private static readonly (GrainType Type, GrainInterfaceType Face) Gang = Names(GrainNames.Gang, GrainNames.GangInterface);

    /// <summary>Calls the operation; ends when the grain's turn has ended.</summary>
    /// <exception cref="ArgumentException">No operation of that kind of grain takes such a message.</exception>
    public static Task Deliver(IGrainFactory grains, GrainAddress to, GrainMessage message) => to.Kind switch
    {
        GrainKind.Cluster => Deliver((IClusterGrain)Find(grains, to), message),
        GrainKind.Node => Deliver((INodeGrain)Find(grains, to), message),
        GrainKind.Gpu => Deliver((IGpuGrain)Find(grains, to), message),
        GrainKind.Gang => Deliver((IGangGrain)Find(grains, to), message),
        _ => Deliver((ITrainingJobGrain)Find(grains, to), message),
    };

    /// <summary>
    /// All that waits for a grain, in order: one message by its operation, several in one call. Ends when the grain's turn has ended.
    /// </summary>
    /// <exception cref="ArgumentException">No operation of that kind of grain takes such a message, or the grain cannot read one of
    /// them.</exception>
    public static Task Deliver(IGrainFactory grains, GrainAddress to, GrainMessage[] messages) => messages is [var only]
        ? Deliver(grains, to, only)
        : Find(grains, to).TakeAll(messages);

    /// <summary>
    /// The grain at an address. By its names: from an interface's type they would be looked up by reflection at every call.
    /// </summary>
    public static IMachineGrain Find(IGrainFactory grains, GrainAddress address)
    {
        var (type, face) = address.Kind switch
        {
            GrainKind.Cluster => Cluster,
            GrainKind.Node => Node,
            GrainKind.Gpu => Gpu,
            GrainKind.Gang => Gang,
            _ => Job,
        };
        return (IMachineGrain)grains.GetGrain(GrainId.Create(type, address.Key), face);
    }

    private static Task Deliver(IClusterGrain cluster, GrainMessage message) => message switch
    {
        NodeReported report => cluster.ReportNode(report),
        GpuConditionReported report => cluster.ReportGpu(report),
        NodeUnreached report => cluster.ReportUnreached(report),
        GpusRequested request => cluster.RequestGpus(request),
        PowerSet settings => cluster.SetPower(settings),
        SiteCapSet cap => cluster.SetSiteCap(cap),
        PowerApproved approved => cluster.ApprovePower(approved),
        CoolingZoneSet zone => cluster.SetCoolingZone(zone),
        CoolingZoneCleared cleared => cluster.ClearCoolingZone(cleared),
        DrainOrdered ordered => cluster.Drain(ordered),
        UncordonOrdered ordered => cluster.Uncordon(ordered),
        _ => throw Unknown("cluster", message),
    };

    private static Task Deliver(INodeGrain node, GrainMessage message) => message switch
    {
        WorkerSaid said => node.Hear(said),
        WorkerConnected connected => node.Connect(connected),
        WorkerDisconnected disconnected => node.Disconnect(disconnected),
        NodeOrders orders => node.Order(orders),
        NodeReportTaken taken => node.AcknowledgeReport(taken),
        GangNodeOrdered ordered => node.OrderGang(ordered),
        LogWanted wanted => node.ReadLog(wanted),
        _ => throw Unknown("node", message),
    };

    private static Task Deliver(IGpuGrain gpu, GrainMessage message) => message switch
    {
        GpuOrdered ordered => gpu.Order(ordered),
        GpuAttached attached => gpu.Attach(attached),
        GpuFaultReported fault => gpu.ReportFault(fault),
        GpuMarked marked => gpu.Mark(marked),
        GpuMeasured measured => gpu.Measure(measured),
        GpuConditionTaken taken => gpu.AcknowledgeCondition(taken),
        _ => throw Unknown("gpu", message),
    };

    private static Task Deliver(IGangGrain gang, GrainMessage message) => message switch
    {
        GangReported reported => gang.Report(reported),
        SubmitGang submit => gang.Submit(submit),
        CancelGang cancel => gang.Cancel(cancel),
        GangOffered offered => gang.OfferGpus(offered),
        _ => throw Unknown("gang", message),
    };

    private static Task Deliver(ITrainingJobGrain job, GrainMessage message) => message switch
    {
        WorkerReported report => job.Report(report),
        SubmitJob submit => job.Submit(submit),
        CancelJob cancel => job.Cancel(cancel),
        GpusOffered offered => job.OfferGpus(offered),
        NodeLinkReported report => job.ReportLink(report),
        GpuWithdrawn withdrawn => job.WithdrawGpu(withdrawn),
        CheckpointWanted wanted => job.SaveCheckpoint(wanted),
        ExtendJob wanted => job.Extend(wanted),
        ModelStored stored => job.AcknowledgeModel(stored),
        _ => throw Unknown("job", message),
    };

    private static (GrainType Type, GrainInterfaceType Face) Names(string type, string face) =>
        (GrainType.Create(type), GrainInterfaceType.Create(face));

    private static ArgumentException Unknown(string kind, GrainMessage message) =>
        new($"no operation of a {kind} grain takes a {message.GetType().Name}");
}
