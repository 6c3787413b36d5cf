using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines;

public sealed class NodeReachTests
{
    private static readonly NodeId Node = new("n3");

    private readonly ClusterMachine machine = new(null);
    private readonly Outputs outputs = new();
    private TimeSpan now;
    private long sequence;

    [Fact]
    public void A_node_that_is_set_aside_is_free_for_nobody_and_has_another_chance_when_its_time_is_over()
    {
        Report("n3:7000", boot: 1);
        SetAside("n3:7000");
        Request();
        Assert.Equal(0, Offered());

        now = machine.NextDeadline!.Value;
        Assert.Equal(ReachPolicy.FirstPause, now);
        Handle(new DeadlinePassed());
        Assert.Equal(1, Offered());
        Assert.Null(Assert.Single(Sent<NodeReportTaken>()).SetAside);
    }

    [Theory]
    [InlineData("n3:7001", 1)]
    [InlineData("n3:7000", 2)]
    public void Another_address_or_another_process_has_a_chance_at_once(string address, long boot)
    {
        Report("n3:7000", boot: 1);
        SetAside("n3:7000");
        Request();

        Report(address, boot);

        Assert.Equal(1, Offered());
    }

    [Fact]
    public void A_word_about_an_address_that_the_node_has_no_more_counts_for_nothing()
    {
        Report("n3:7001", boot: 1);
        SetAside("n3:7000");
        Request();

        Assert.Equal(1, Offered());
    }

    [Fact]
    public void What_a_job_has_it_keeps_and_what_it_lets_go_of_it_does_not_get_back()
    {
        Report("n3:7000", boot: 1);
        Request();
        Request(used: true);
        SetAside("n3:7000");
        Assert.True(Assert.Single(Sent<GpusOffered>()).Gpus[0].Up);

        Request();

        Assert.Equal(0, Offered());
    }

    [Fact]
    public void A_job_that_asks_for_it_by_name_gets_it_since_it_may_hold_the_jobs_state()
    {
        Report("n3:7000", boot: 1);
        SetAside("n3:7000");

        Handle(new GpusRequested(new JobId("j"), 1, ++sequence, 1, [], [new GpuId(Node, 0)]));

        Assert.Equal(1, Offered());
    }

    private void SetAside(string address)
    {
        outputs.Clear();
        foreach (var peer in new[] { "n1", "n2" })
            Tell(new NodeUnreached(Node, address, new NodeId(peer), new JobId("j"), 1, "refused"));
    }

    private void Report(string address, long boot) =>
        Handle(
            new NodeReported(Node, new WorkerSession(boot, 1), ++sequence, true, address, [new GpuDescription(0, "fake", "fake", "cpu")]));

    private void Request(bool used = false) =>
        Handle(new GpusRequested(new JobId("j"), 1, ++sequence, 1, used ? [new GpuId(Node, 0)] : [], []));

    private int Offered() => Assert.Single(Sent<GpusOffered>()).Gpus.Count;

    private void Handle(GrainMessage message)
    {
        outputs.Clear();
        Tell(message);
    }

    private void Tell(GrainMessage message) => machine.Handle(now, message, outputs);

    private IEnumerable<T> Sent<T>()
        where T : GrainMessage => outputs.Items.OfType<SendToGrain>().Select(send => send.Message).OfType<T>();
}
