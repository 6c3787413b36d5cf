using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Support;

/// <summary>Two workers with a gpu each, as their gateways pass on what they say.</summary>
public static class TwoWorkers
{
    public static readonly NodeId First = new("n0");
    public static readonly NodeId Second = new("n1");
    public static readonly JobId Job = new("j1");

    public static JobSpec Spec { get; } = new()
    {
        Ranks = 2,
        MinRanks = 1,
        Secret = Convert.ToBase64String(new byte[32]),
        Model = new ModelSpec { Program = "linear" },
    };

    public static GpuId GpuOf(NodeId node) => new(node, 0);

    public static Hello Hello(NodeId node, long connection) => new()
    {
        Node = node,
        Session = new WorkerSession(1, connection),
        DataAddress = $"{node}:7000",
        Gpus = [new GpuDescription(0, "cpu", "cpu", "cpu")],
    };

    public static Task Connect(this TestSilos silos, NodeId node, long connection) =>
        silos.Deliver(GrainAddress.Of(node), new WorkerConnected(new WorkerSession(1, connection), Hello(node, connection)));

    public static Task Say(this TestSilos silos, NodeId node, long connection, WorkerMessage message) =>
        silos.Deliver(GrainAddress.Of(node), new WorkerSaid(new WorkerSession(1, connection), message));

    public static Task Answer(
        this TestSilos silos, NodeId node, long connection, long generation) => silos.Say(node, connection, new RankState
        {
            Job = Job,
            Generation = generation,
            Gpu = GpuOf(node),
            Boot = 1,
            HasState = false,
            Timeline = 0,
            Applied = 0,
        });

    public static IEnumerable<RankOrder> Orders(this TestSilos silos) =>
        silos.Services.ToWorkers.Select(sent => sent.Message).OfType<RankOrdered>().Select(ordered => ordered.Order);
}
