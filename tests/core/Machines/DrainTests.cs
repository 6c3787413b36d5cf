using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>What drains mean for who gets which gpus, at the cluster's machine alone.</summary>
public sealed class DrainTests : ClusterAlone
{
    private static readonly DateTimeOffset Noon = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);


    [Fact]
    public void A_drained_gpu_is_given_to_nobody_and_one_that_its_node_reports_later_neither()
    {
        Drain(["n1"]);
        Report(1, gpus: 2);
        Report(2, gpus: 1);
        Request("j", wanted: 3);
        Assert.Equal([Gpu(2, 0)], Gpus("j"));
        Assert.Equal(0, View().Nodes[0].Free);
        Assert.Equal("drained", Offers["j"].Supply!.Held!.Cause);
        Assert.Equal("2 gpus are drained (n1/0 drained by ann: new disk)", Offers["j"].Supply!.Held!.Text);
        Assert.Equal("drained by ann: new disk", Taken["n1"].Drained);

        // Nor to a job that asks for it by name, since it may hold its state.
        Request("j", wanted: 3, [Gpu(2, 0)], preferred: [Gpu(1, 0)]);
        Assert.Equal([Gpu(2, 0)], Gpus("j"));
        Uncordon(["n1"]);
        Assert.Equal([Gpu(1, 0), Gpu(1, 1), Gpu(2, 0)], Gpus("j"));
        Assert.Null(Taken["n1"].Drained);
    }

    [Fact]
    public void A_job_is_asked_for_as_many_drained_gpus_as_it_can_go_on_without_and_for_the_others_as_other_gpus_come()
    {
        Report(1, gpus: 4);
        Request("j", wanted: 4, minimum: 2);
        Request("j", wanted: 4, Gpus("j"), minimum: 2);
        Drain(["n1"]);
        Assert.Equal([Gpu(1, 2), Gpu(1, 3)], AskedBack("j"));
        Assert.All(Offers["j"].Gpus, offer => Assert.True(offer is { Drained: true, Up: false, NodeUp: true }));
        Request("j", wanted: 4, [Gpu(1, 0), Gpu(1, 1)], minimum: 2);
        Assert.Empty(AskedBack("j"));
        Assert.Contains("fewer than 2 gpus", Assert.Single(View().Drains[0].Jobs).Waits, StringComparison.Ordinal);

        Report(2, gpus: 1);
        Assert.Equal([Gpu(1, 0), Gpu(1, 1), Gpu(2, 0)], Gpus("j"));
        Request("j", wanted: 4, [Gpu(1, 0), Gpu(1, 1), Gpu(2, 0)], minimum: 2);
        Assert.Equal([Gpu(1, 1)], AskedBack("j"));
        Request("j", wanted: 4, [Gpu(1, 0), Gpu(2, 0)], minimum: 2);
        Assert.Equal(DrainView.Draining, View().Drains[0].State);
        Report(3, gpus: 1);
        Request("j", wanted: 4, [Gpu(1, 0), Gpu(2, 0), Gpu(3, 0)], minimum: 2);
        Assert.Equal([Gpu(1, 0)], AskedBack("j"));
        Assert.DoesNotContain(Events, e => e.Kind == EventKinds.DrainDone);
        Request("j", wanted: 4, [Gpu(2, 0), Gpu(3, 0)], minimum: 2);
        Assert.Equal(DrainView.Drained, View().Drains[0].State);
        Assert.Equal(
            "n1 is drained: no job has anything there any more; drained by ann: new disk",
            Assert.Single(Events, e => e.Kind == EventKinds.DrainDone).Text);
    }

    [Fact]
    public void A_replacement_that_dies_before_it_is_taken_leaves_the_job_its_drained_gpu()
    {
        Report(1, gpus: 1);
        Request("j", wanted: 1, minimum: 1);
        Request("j", wanted: 1, [Gpu(1, 0)], minimum: 1);
        Drain(["n1"]);
        Report(2, gpus: 1);
        Assert.Equal([Gpu(1, 0)], AskedBack("j"));

        // A job of one rank wants a second one because it was asked, and is asked all the same.
        Request("j", wanted: 2, [Gpu(1, 0)], minimum: 1);
        Assert.Equal([Gpu(1, 0)], AskedBack("j"));
        Report(2, gpus: 1, up: false);
        Assert.Empty(AskedBack("j"));
    }

    [Fact]
    public void What_a_job_cannot_do_without_is_asked_back_at_the_last_moment_which_a_silos_death_does_not_put_off()
    {
        Report(1, gpus: 2);
        Request("j", wanted: 2, minimum: 2);
        Request("j", wanted: 2, [Gpu(1, 0), Gpu(1, 1)], minimum: 2);
        Drain([], [Gpu(1, 1)], until: Noon.AddMinutes(10));
        Wait(TimeSpan.FromMinutes(4));
        Assert.Empty(AskedBack("j"));
        Load();
        Now = TimeSpan.FromSeconds(3);
        Hear(new Activated("other") { At = Noon.AddMinutes(8) });
        Report(1, gpus: 2);
        Request("j", wanted: 2, [Gpu(1, 0), Gpu(1, 1)], minimum: 2);
        Wait(TimeSpan.FromSeconds(118));
        Assert.Empty(AskedBack("j"));
        Wait(TimeSpan.FromSeconds(2));
        Assert.Equal([Gpu(1, 1)], AskedBack("j"));

        // A host that does not know the time of day gives all of it again; one that comes after the moment, nothing.
        Load();
        Hear(new Activated("third") { At = Noon.AddHours(1) });
        Report(1, gpus: 2);
        Request("j", wanted: 2, [Gpu(1, 0), Gpu(1, 1)], minimum: 2);
        Assert.Equal([Gpu(1, 1)], AskedBack("j"));
    }

    [Fact]
    public void Drains_said_twice_or_of_what_is_not_drained_change_nothing_and_a_new_reason_keeps_the_first_moment()
    {
        Report(1, gpus: 1);
        Drain(["n1", "n1"]);
        Drain(["n1"]);
        Assert.Equal(
            [EventKinds.DrainStarted, EventKinds.DrainDone], Events.Select(e => e.Kind));
        Hear(new DrainOrdered([new NodeId("n1")], [], "new fan", "bob", Noon.AddHours(1), null));
        var drain = Assert.Single(View().Drains);
        Assert.Equal(("new fan", "bob", Noon), (drain.Reason, drain.By, drain.Since));
        Events.Clear();
        Uncordon(["n2"]);
        Assert.Empty(Events);
        Uncordon(["n1"]);
        Uncordon(["n1"]);
        Assert.Equal("n1 is given work again by ann; it was drained by bob: new fan", Assert.Single(Events).Text);
        Hear(new DrainOrdered([new NodeId("n1")], [], "", "bob", Noon, null));
        Assert.Empty(View().Drains);
    }

    [Fact]
    public void A_gpu_that_is_drained_with_its_node_and_by_itself_is_given_again_when_both_have_ended()
    {
        Report(1, gpus: 2);
        Drain(["n1"], [Gpu(1, 1)]);
        Uncordon(["n1"]);
        Request("j", wanted: 2);
        Assert.Equal([Gpu(1, 0)], Gpus("j"));
        Hear(new UncordonOrdered([], [Gpu(1, 1)], "ann"));
        Assert.Equal([Gpu(1, 0), Gpu(1, 1)], Gpus("j"));
    }

    [Fact]
    public void A_gang_is_asked_at_the_last_moment_and_not_called_out_of_service_before()
    {
        Report(1, gpus: 1);
        Report(2, gpus: 1);
        RequestGang("g", 2, []);
        RequestGang("g", 2, [Gpu(1, 0), Gpu(2, 0)]);
        Drain(["n1"], until: Noon.AddMinutes(1));
        Assert.Empty(AskedBack("g"));
        Assert.All(Offers["g"].Gpus, offer => Assert.True(offer.Up));
        Wait(TimeSpan.FromMinutes(1));
        Assert.Equal([Gpu(1, 0)], AskedBack("g"));
    }

    [Fact]
    public void A_drain_that_ends_before_the_gpu_was_given_back_leaves_it_to_the_job()
    {
        Report(1, gpus: 2);
        Request("j", wanted: 2);
        Request("j", wanted: 2, Gpus("j"));
        Drain(["n1"]);
        Assert.Equal([Gpu(1, 1)], AskedBack("j"));
        Uncordon(["n1"]);
        Assert.Empty(AskedBack("j"));
        Assert.All(Offers["j"].Gpus, offer => Assert.True(offer is { Up: true, Drained: false }));
    }

    private static GpuId Gpu(int node, int index) => new(new NodeId($"n{node}"), index);

    private void Drain(string[] nodes, GpuId[]? gpus = null, DateTimeOffset? until = null) =>
        Hear(new DrainOrdered([.. nodes.Select(node => new NodeId(node))], gpus ?? [], "new disk", "ann", Noon, until));

    private void Uncordon(string[] nodes) => Hear(new UncordonOrdered([.. nodes.Select(node => new NodeId(node))], [], "ann"));

    private void Report(int node, int gpus, bool up = true) => Hear(new NodeReported(
        new NodeId($"n{node}"), new WorkerSession(1, 1), Next(), up, "host:1",
        [.. Enumerable.Range(0, gpus).Select(index => new GpuDescription(index, "gpu", "a", "cpu"))]));

    private void Request(string job, int wanted, GpuId[]? used = null, int? minimum = null, GpuId[]? preferred = null) =>
        Hear(new GpusRequested(new JobId(job), 1, Next(), wanted, used ?? [], preferred ?? []) { Minimum = minimum });

    private void RequestGang(string job, int wanted, GpuId[] used) => Hear(new GpusRequested(
        new JobId(job), 1, Next(), wanted, used, [])
    {
        Minimum = wanted,
        PerNode = 1,
        Gang = true,
    });
}
