using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>Whole nodes for gangs, at the cluster's machine alone.</summary>
public sealed class GangPlacementTests
{
    private readonly Dictionary<string, GpusOffered> offers = [];
    private readonly List<GrainAddress> answered = [];
    private ClusterMachine machine = new(null);
    private TimeSpan now;
    private long sequence;
    private string? stored;

    [Fact]
    public void A_gang_is_given_whole_nodes_and_is_answered_as_a_gang()
    {
        Report("n1", 2);
        Report("n2", 1);
        Report("n3", 4);
        Request("g", wanted: 4, perNode: 2);

        Assert.Equal(["n1/0", "n1/1", "n3/0", "n3/1"], Gpus("g"));
        Assert.All(answered, address => Assert.Equal(GrainAddress.OfGang(new JobId("g")), address));
    }

    [Fact]
    public void A_gang_that_needs_more_nodes_than_there_are_gets_none_and_takes_nothing_from_others()
    {
        Report("n1", 2);
        Request("g", wanted: 4, perNode: 2);
        Assert.Empty(Gpus("g"));

        Request("small", wanted: 1, perNode: 1);
        Assert.Equal(["n1/0"], Gpus("small"));
    }

    [Fact]
    public void A_node_that_lost_a_gpu_is_no_node_for_a_gang_and_goes_back_whole()
    {
        Report("n1", 2);
        Report("n2", 2);
        Request("g", wanted: 4, perNode: 2, minimum: 2);
        Handle(new GpuConditionReported(new GpuId(new NodeId("n2"), 1), default, Schedulable: false, "broken"));
        Request("g", wanted: 4, perNode: 2, minimum: 2);

        Assert.Equal(["n1/0", "n1/1"], Gpus("g"));
    }

    [Fact]
    public void A_node_that_a_gang_avoids_is_given_to_others()
    {
        Report("n1", 1);
        Report("n2", 1);
        Request("g", wanted: 1, perNode: 1, avoid: ["n1"]);
        Request("h", wanted: 1, perNode: 1);

        Assert.Equal(["n2/0"], Gpus("g"));
        Assert.Equal(["n1/0"], Gpus("h"));
    }

    [Fact]
    public void What_a_gang_uses_is_its_own_until_it_says_otherwise_whoever_loads_the_cluster()
    {
        Report("n1", 1);
        Request("g", wanted: 1, perNode: 1, used: ["n1/0"]);
        machine = new ClusterMachine(stored);
        Handle(new Activated("second"));
        Report("n1", 1);
        Handle(new GpusRequested(new JobId("t"), 1, 1, 1, [], []));

        Assert.Empty(Gpus("t"));
        Request("g", wanted: 0, perNode: 1);
        Assert.Equal(["n1/0"], Gpus("t"));
    }

    [Fact]
    public void A_training_job_and_a_gang_exclude_each_other()
    {
        Report("n1", 2);
        Handle(new GpusRequested(new JobId("t"), 1, 1, 1, [], []));
        Request("g", wanted: 2, perNode: 2);
        Assert.Equal(["n1/0"], Gpus("t"));
        Assert.Empty(Gpus("g"));

        Handle(new GpusRequested(new JobId("t"), 1, 2, 0, [], []));
        Assert.Equal(["n1/0", "n1/1"], Gpus("g"));
    }

    private string[] Gpus(string job) => offers.TryGetValue(job, out var offer) ? [.. offer.Gpus.Select(gpu => gpu.Gpu.ToString())] : [];

    private void Report(string node, int gpus) => Handle(new NodeReported(
        new NodeId(node),
        new WorkerSession(1, 1),
        ++sequence,
        Up: true,
        $"{node}:7000",
        [.. Enumerable.Range(0, gpus).Select(index => new GpuDescription(index, "gpu", "fake", "cpu"))]));

    private void Request(string job, int wanted, int perNode, int? minimum = null, string[]? used = null, string[]? avoid = null) =>
        Handle(new GpusRequested(new JobId(job), 1, ++sequence, wanted, [.. (used ?? []).Select(GpuId.Parse)], [])
        {
            Minimum = minimum ?? wanted,
            PerNode = perNode,
            Gang = true,
            Avoid = [.. (avoid ?? []).Select(node => new NodeId(node))],
        });

    private void Handle(GrainMessage message)
    {
        var outputs = new Outputs();
        now += TimeSpan.FromSeconds(1);
        machine.Handle(now, message, outputs);
        foreach (var output in outputs.Items)
        {
            if (output is PersistState persist)
                stored = persist.StateJson;
            if (output is SendToGrain send && (send.Message as GpusOffered ?? (send.Message as GangOffered)?.Offer) is { } offered)
            {
                offers[send.To.Key] = offered;
                if (send.To.Key is "g" or "h" or "small")
                    answered.Add(send.To with { Key = "g" });
            }
        }

        if (machine.NextDeadline is { } at && at <= now + TimeSpan.FromSeconds(1) && message is not DeadlinePassed)
            Handle(new DeadlinePassed());
    }
}
