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

    /// <summary>Calls the operation; ends when the grain's turn has ended.</summary>
    /// <exception cref="ArgumentException">No operation of that kind of grain takes such a message.</exception>
    public static Task Deliver(IGrainFactory grains, GrainAddress to, GrainMessage message)
    {
        var (grain, mail) = (Find(grains, to), new Mail(message));
        return to.Kind switch
        {
            GrainKind.Cluster => Deliver((IClusterGrain)grain, message, mail),
            GrainKind.Node => Deliver((INodeGrain)grain, message, mail),
            GrainKind.Gpu => Deliver((IGpuGrain)grain, message, mail),
            _ => Deliver((ITrainingJobGrain)grain, message, mail),
        };
    }

    /// <summary>All that waits for a grain, in order: one message by its operation, several in one call. Ends when the grain's turn has ended.</summary>
    /// <exception cref="ArgumentException">No operation of that kind of grain takes such a message, or the grain cannot read one of them.</exception>
    public static Task Deliver(IGrainFactory grains, GrainAddress to, IReadOnlyList<GrainMessage> messages) => messages is [var only]
        ? Deliver(grains, to, only)
        : Find(grains, to).TakeAll(new Mail(messages));

    /// <summary>The grain at an address. By its names: from an interface's type they would be looked up by reflection at every call.</summary>
    public static IMachineGrain Find(IGrainFactory grains, GrainAddress address)
    {
        var (type, face) = address.Kind switch
        {
            GrainKind.Cluster => Cluster,
            GrainKind.Node => Node,
            GrainKind.Gpu => Gpu,
            _ => Job,
        };
        return (IMachineGrain)grains.GetGrain(GrainId.Create(type, address.Key), face);
    }

    private static Task Deliver(IClusterGrain cluster, GrainMessage message, Mail mail) => message switch
    {
        NodeReported => cluster.ReportNode(mail),
        GpuConditionReported => cluster.ReportGpu(mail),
        NodeUnreached => cluster.ReportUnreached(mail),
        GpusRequested => cluster.RequestGpus(mail),
        PowerSet => cluster.SetPower(mail),
        SiteCapSet => cluster.SetSiteCap(mail),
        PowerApproved => cluster.ApprovePower(mail),
        CoolingZoneSet => cluster.SetCoolingZone(mail),
        CoolingZoneCleared => cluster.ClearCoolingZone(mail),
        _ => throw Unknown("cluster", message),
    };

    private static Task Deliver(INodeGrain node, GrainMessage message, Mail mail) => message switch
    {
        WorkerSaid => node.Hear(mail),
        WorkerConnected => node.Connect(mail),
        WorkerDisconnected => node.Disconnect(mail),
        NodeOrders => node.Order(mail),
        NodeReportTaken => node.AcknowledgeReport(mail),
        _ => throw Unknown("node", message),
    };

    private static Task Deliver(IGpuGrain gpu, GrainMessage message, Mail mail) => message switch
    {
        GpuOrdered => gpu.Order(mail),
        GpuAttached => gpu.Attach(mail),
        GpuFaultReported => gpu.ReportFault(mail),
        GpuMeasured => gpu.Measure(mail),
        _ => throw Unknown("gpu", message),
    };

    private static Task Deliver(ITrainingJobGrain job, GrainMessage message, Mail mail) => message switch
    {
        WorkerReported => job.Report(mail),
        SubmitJob => job.Submit(mail),
        CancelJob => job.Cancel(mail),
        GpusOffered => job.OfferGpus(mail),
        NodeLinkReported => job.ReportLink(mail),
        GpuWithdrawn => job.WithdrawGpu(mail),
        CheckpointWanted => job.SaveCheckpoint(mail),
        ExtendJob => job.Extend(mail),
        ModelStored => job.AcknowledgeModel(mail),
        _ => throw Unknown("job", message),
    };

    private static (GrainType Type, GrainInterfaceType Face) Names(string type, string face) => (GrainType.Create(type), GrainInterfaceType.Create(face));

    private static ArgumentException Unknown(string kind, GrainMessage message) => new($"no operation of a {kind} grain takes a {message.GetType().Name}");
}
