using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>Which operation of which grain takes which message.</summary>
public static class GrainCalls
{
    /// <summary>Calls the operation; ends when the grain's turn has ended.</summary>
    /// <exception cref="ArgumentException">No operation of that kind of grain takes such a message.</exception>
    public static Task Deliver(IGrainFactory grains, GrainAddress to, GrainMessage message)
    {
        var text = GrainText.Write(message);
        return to.Kind switch
        {
            GrainKind.Cluster => Deliver(grains.GetGrain<IClusterGrain>(to.Key), message, text),
            GrainKind.Node => Deliver(grains.GetGrain<INodeGrain>(to.Key), message, text),
            GrainKind.Gpu => Deliver(grains.GetGrain<IGpuGrain>(to.Key), message, text),
            _ => Deliver(grains.GetGrain<ITrainingJobGrain>(to.Key), message, text),
        };
    }

    /// <summary>All that waits for a grain, in order: one message by its operation, several in one call. Ends when the grain's turn has ended.</summary>
    /// <exception cref="ArgumentException">No operation of that kind of grain takes such a message, or the grain cannot read one of them.</exception>
    public static Task Deliver(IGrainFactory grains, GrainAddress to, IReadOnlyList<GrainMessage> messages) => messages is [var only]
        ? Deliver(grains, to, only)
        : Find(grains, to).TakeAll([.. messages.Select(GrainText.Write)]);

    /// <summary>The grain at an address.</summary>
    public static IMachineGrain Find(IGrainFactory grains, GrainAddress address) => address.Kind switch
    {
        GrainKind.Cluster => grains.GetGrain<IClusterGrain>(address.Key),
        GrainKind.Node => grains.GetGrain<INodeGrain>(address.Key),
        GrainKind.Gpu => grains.GetGrain<IGpuGrain>(address.Key),
        _ => grains.GetGrain<ITrainingJobGrain>(address.Key),
    };

    private static Task Deliver(IClusterGrain cluster, GrainMessage message, string text) => message switch
    {
        NodeReported => cluster.ReportNode(text),
        GpuConditionReported => cluster.ReportGpu(text),
        NodeUnreached => cluster.ReportUnreached(text),
        GpusRequested => cluster.RequestGpus(text),
        PowerSet => cluster.SetPower(text),
        SiteCapSet => cluster.SetSiteCap(text),
        PowerApproved => cluster.ApprovePower(text),
        CoolingZoneSet => cluster.SetCoolingZone(text),
        CoolingZoneCleared => cluster.ClearCoolingZone(text),
        _ => throw Unknown("cluster", message),
    };

    private static Task Deliver(INodeGrain node, GrainMessage message, string text) => message switch
    {
        WorkerSaid => node.Hear(text),
        WorkerConnected => node.Connect(text),
        WorkerDisconnected => node.Disconnect(text),
        NodeOrders => node.Order(text),
        NodeReportTaken => node.AcknowledgeReport(text),
        _ => throw Unknown("node", message),
    };

    private static Task Deliver(IGpuGrain gpu, GrainMessage message, string text) => message switch
    {
        GpuOrdered => gpu.Order(text),
        GpuAttached => gpu.Attach(text),
        GpuFaultReported => gpu.ReportFault(text),
        GpuMeasured => gpu.Measure(text),
        _ => throw Unknown("gpu", message),
    };

    private static Task Deliver(ITrainingJobGrain job, GrainMessage message, string text) => message switch
    {
        WorkerReported => job.Report(text),
        SubmitJob => job.Submit(text),
        CancelJob => job.Cancel(text),
        GpusOffered => job.OfferGpus(text),
        NodeLinkReported => job.ReportLink(text),
        GpuWithdrawn => job.WithdrawGpu(text),
        CheckpointWanted => job.SaveCheckpoint(text),
        ModelStored => job.AcknowledgeModel(text),
        _ => throw Unknown("job", message),
    };

    private static ArgumentException Unknown(string kind, GrainMessage message) => new($"no operation of a {kind} grain takes a {message.GetType().Name}");
}
