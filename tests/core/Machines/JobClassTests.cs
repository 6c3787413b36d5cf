using Coordinator.Machines;
using Coordinator.Tests.Worker;

namespace Coordinator.Tests.Machines;

/// <summary>A job against a cluster that offers what it should not.</summary>
public sealed class JobClassTests
{
    private static readonly WorkerSession Session = new(42, 1);

    [Fact]
    public void A_gpu_of_another_class_that_is_offered_all_the_same_becomes_no_member()
    {
        var job = MachineFactory.Create(GrainAddress.Of(Sample.Job), null);
        var outputs = new Outputs();
        job.Handle(TimeSpan.Zero, new Activated("silo"), outputs);
        job.Handle(
            TimeSpan.Zero,
            new SubmitJob(Sample.Spec() with { Ranks = 2, MinRanks = 1, Secret = Convert.ToBase64String(Sample.Key) }),
            outputs);
        job.Handle(TimeSpan.Zero, new GpusOffered(1, 1, [Offer("a", "sm80"), Offer("b", "sm90")]), outputs);
        for (var second = 1; second <= 60; second++)
            job.Handle(TimeSpan.FromSeconds(second), new DeadlinePassed(), outputs);

        var change = outputs.Items.OfType<SendToGrain>().Select(send => send.Message).OfType<NodeOrders>().First().Change!;
        Assert.Equal([Sample.Gpu("a")], change.Added.Select(member => member.Gpu));
    }

    private static GpuOffer Offer(string node, string deviceClass) =>
        new(Sample.Gpu(node), Session, $"{node}:1", deviceClass, "ilgpu:cuda:0", Up: true) { NodeUp = true };
}
