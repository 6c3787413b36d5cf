using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines;

/// <summary>
/// What jobs need in one piece, at the cluster's machine alone: gpus, and power for them. A gpu draws 100 W, a host nothing.
/// </summary>
public sealed class GangTests : ClusterAlone
{
    [Fact]
    public void A_job_that_needs_more_than_there_is_gets_nothing_says_so_and_keeps_nobody_waiting()
    {
        Report(gpus: 3);
        Request("big", wanted: 8, minimum: 8, priority: 9);
        Assert.Empty(Gpus("big"));
        Request("small", wanted: 2, minimum: 1);
        Assert.Equal([Gpu(0), Gpu(1)], Gpus("small"));
        Request("big", wanted: 8, minimum: 8, priority: 9);
        Assert.Equal("wants 8, 1 free; the cluster has 3 of them in service, so it waits until more come", Offers["big"].Supply!.Waits);

        Report(node: 1, gpus: 7);
        Assert.Equal(8, Gpus("big").Length);
    }

    [Fact]
    public void Who_waits_says_how_many_it_wants_how_many_are_free_and_who_has_the_others()
    {
        Report(gpus: 3);
        Request("low-245bce", wanted: 2, minimum: 1, priority: 1);
        Request("high", wanted: 2, minimum: 2, priority: 5);
        Assert.Empty(Gpus("high"));
        Assert.Equal("wants 2, 1 free; low-245bce (priority 1) has 2", Offers["high"].Supply!.Waits);
        Assert.Equal("wants 2, 1 free; low-245bce (priority 1) has 2", View().Allocations.Single(view => view.Job.Value == "high").Waits);

        Request("low-245bce", wanted: 0, minimum: 1, priority: 1);
        Assert.Equal(2, Gpus("high").Length);
    }

    [Fact]
    public void Two_jobs_never_hold_half_of_what_each_needs()
    {
        Report(gpus: 1);
        Request("a", wanted: 2, minimum: 2);
        Request("b", wanted: 2, minimum: 2);
        Report(gpus: 2);
        Assert.Equal(2, Gpus("a").Length);
        Assert.Empty(Gpus("b"));

        // What was given and is not used goes back when it is no longer enough, and comes again as a whole.
        Report(node: 1, gpus: 2);
        Assert.Equal([Gpu(0, 1), Gpu(1, 1)], Gpus("b"));
        Report(gpus: 2, up: false);
        Assert.Empty(Gpus("a"));
        Report(gpus: 2);
        Assert.Equal([Gpu(0), Gpu(1)], Gpus("a"));
    }

    [Fact]
    public void A_member_that_a_job_lost_is_replaced_alone_and_its_others_are_not_taken_from_it()
    {
        Report(gpus: 2);
        Report(node: 1, gpus: 1);
        Request("a", wanted: 3, minimum: 3);
        Request("a", wanted: 3, minimum: 3, used: [Gpu(0), Gpu(1), Gpu(0, 1)]);
        Report(node: 1, gpus: 1, up: false);
        Request("a", wanted: 3, minimum: 3, used: [Gpu(0), Gpu(1)]);
        Assert.Equal([Gpu(0), Gpu(1)], Gpus("a"));
        Report(node: 2, gpus: 1);
        Assert.Equal([Gpu(0), Gpu(1), Gpu(0, 2)], Gpus("a"));
    }

    [Fact]
    public void A_job_that_cannot_go_on_gives_back_all_but_one_after_a_while_where_that_helps_another()
    {
        Report(gpus: 2);
        Request("a", wanted: 3, minimum: 3, used: [Gpu(0), Gpu(1)]);
        Wait(TimeSpan.FromMinutes(5));
        Assert.Empty(AskedBack("a"));

        // Two would not help: one stays with the state.
        Request("b", wanted: 2, minimum: 2);
        Assert.Empty(AskedBack("a"));
        Request("b", wanted: 0, minimum: 2);
        Request("c", wanted: 1, minimum: 1);
        Assert.Equal([Gpu(1)], AskedBack("a"));
        Assert.Equal("idle: 2 gpus are too few for it to go on with, and c waits for them", Offers["a"].Gpus[1].GiveBack);
        Assert.Contains(Events, e => e is { Kind: EventKinds.GpusIdle, Job.Value: "a" });
        Request("a", wanted: 3, minimum: 3, used: [Gpu(0)]);
        Assert.Equal([Gpu(1)], Gpus("c"));
        Assert.Equal([Gpu(0)], Gpus("a"));
    }

    [Fact]
    public void Of_two_jobs_that_were_left_with_too_few_the_less_important_one_gives_to_the_other()
    {
        Request("a", wanted: 3, minimum: 3, used: [Gpu(0), Gpu(1)]);
        Request("b", wanted: 3, minimum: 3, priority: 1, used: [Gpu(2), Gpu(3)]);
        Report(gpus: 4);
        Wait(TimeSpan.FromSeconds(29));
        Assert.Empty(AskedBack("a"));
        Wait(TimeSpan.FromSeconds(2));
        Assert.Equal([Gpu(1)], AskedBack("a"));
        Assert.Empty(AskedBack("b"));
    }

    [Fact]
    public void A_cap_takes_the_less_important_job_whole_before_it_stops_a_more_important_one()
    {
        Hear(new PowerSet(Settings));
        Report(gpus: 3);
        Request("low", wanted: 1, minimum: 1, priority: 1);
        Request("high", wanted: 2, minimum: 2, priority: 5);
        Request("low", wanted: 1, minimum: 1, priority: 1, used: [Gpu(0)]);
        Request("high", wanted: 2, minimum: 2, priority: 5, used: [Gpu(1), Gpu(2)]);
        Hear(new SiteCapSet(200));
        Assert.Equal([Gpu(0)], AskedBack("low"));
        Assert.Empty(AskedBack("high"));

        // Its state stays on a gpu that draws nothing; it may go on when there is power for it.
        Request("low", wanted: 1, minimum: 1, priority: 1, used: [Gpu(0)], parked: true);
        Assert.Equal(200, View().Power!.DrawWatts);
        Assert.Equal(0, View().Power!.OverWatts);
        Hear(new SiteCapSet(299));
        Assert.Equal([Gpu(0)], AskedBack("low"));
        Hear(new SiteCapSet(300));
        Assert.Empty(AskedBack("low"));
        Assert.Equal(300, View().Power!.DrawWatts);

        // What it said before it heard that is an old word.
        Request("low", wanted: 1, minimum: 1, priority: 1, used: [Gpu(0)], parked: true);
        Assert.Equal(300, View().Power!.DrawWatts);
        Assert.Empty(AskedBack("low"));
    }

    [Fact]
    public void A_job_is_shed_to_its_minimum_or_whole_and_gets_back_what_it_needs_in_one_piece()
    {
        Hear(new PowerSet(Settings));
        Report(gpus: 4);
        GpuId[] all = [.. Enumerable.Range(0, 4).Select(index => Gpu(index))];
        Request("a", wanted: 4, minimum: 3);
        Request("a", wanted: 4, minimum: 3, used: all);
        Hear(new SiteCapSet(300));
        Assert.Equal([Gpu(3)], AskedBack("a"));
        Hear(new SiteCapSet(299));
        Assert.Equal(all, AskedBack("a"));

        // One gpu keeps the state. With power for two it could not go on, and gets nothing; with power for three it gets what it needs.
        Request("a", wanted: 4, minimum: 3, used: [Gpu(0)], parked: true);
        Assert.Equal([Gpu(0)], Gpus("a"));
        Assert.Equal(0, View().Power!.DrawWatts);
        Assert.Equal("power", Offers["a"].Supply!.Held!.Cause);
        Hear(new SiteCapSet(300));
        Assert.Equal(3, Gpus("a").Length);
        Assert.Empty(AskedBack("a"));
        Assert.Equal(300, View().Power!.DrawWatts);
    }

    [Fact]
    public void A_parked_job_stays_parked_when_the_cluster_was_loaded_anew()
    {
        Hear(new PowerSet(Settings));
        Report(gpus: 2);
        Request("a", wanted: 2, minimum: 2);
        Request("a", wanted: 2, minimum: 2, used: [Gpu(0), Gpu(1)]);
        Hear(new SiteCapSet(100));
        Request("a", wanted: 2, minimum: 2, used: [Gpu(0)], parked: true);
        Load();
        Hear(new Activated("s"));
        Report(gpus: 2);
        Request("a", wanted: 2, minimum: 2, used: [Gpu(0)], parked: true);
        Assert.Equal([Gpu(0)], AskedBack("a"));
        Assert.Equal([Gpu(0)], Gpus("a"));
        Hear(new SiteCapSet(200));
        Assert.Equal([Gpu(0), Gpu(1)], Gpus("a"));
        Assert.Empty(AskedBack("a"));
    }

    [Fact]
    public void Under_a_ramp_a_job_has_what_it_needs_at_once_and_its_gpus_start_one_after_the_other()
    {
        Hear(new PowerSet(Settings with { RampWattsPerSecond = 100 }));
        Report(gpus: 3);
        Wait(TimeSpan.FromSeconds(5));
        Request("a", wanted: 2, minimum: 2);
        Assert.Equal(2, Gpus("a").Length);
        Request("b", wanted: 2, minimum: 2);
        Assert.Empty(Gpus("b"));
        Wait(TimeSpan.FromSeconds(5));
        Assert.Equal(2, Offers["a"].Gpus.Count(offer => offer.Up));
    }

    [Fact]
    public void What_a_zone_cannot_cool_is_not_taken_from_a_job_that_would_stop_by_it()
    {
        Report(gpus: 1);
        Report(node: 1, gpus: 1);
        Hear(new PowerSet(Settings));
        Request("a", wanted: 2, minimum: 2);
        Request("a", wanted: 2, minimum: 2, used: [Gpu(0), Gpu(0, 1)]);
        Hear(new CoolingZoneSet(new CoolingZone("hall", ["n01"], 0)));
        Wait(TimeSpan.FromMinutes(1));
        Assert.Empty(AskedBack("a"));
    }

    [Fact]
    public void A_parked_job_that_goes_on_gets_no_more_than_it_wants()
    {
        Hear(new PowerSet(Settings));
        Report(gpus: 4);
        Request("a", wanted: 2, minimum: 2);
        Request("a", wanted: 2, minimum: 2, used: [Gpu(0), Gpu(1)]);
        Hear(new SiteCapSet(100));
        Request("a", wanted: 2, minimum: 2, used: [Gpu(0)], parked: true);
        Hear(new SiteCapSet(1000));
        Assert.Equal([Gpu(0), Gpu(1)], Gpus("a"));
    }

    [Fact]
    public void A_job_that_is_parked_in_a_zone_that_has_become_too_hot_goes_on_elsewhere()
    {
        ParkOnNode0(minimum: 1);
        Report(gpus: 2, node: 1);
        Hear(new CoolingZoneSet(new CoolingZone("hall", ["n00"], 0)));
        Hear(new SiteCapSet(1000));
        Assert.Equal([Gpu(0), Gpu(0, 1)], Gpus("a"));
        Assert.Equal([Gpu(0)], AskedBack("a"));
        Assert.True(Offers["a"].Gpus.Single(offer => offer.Gpu == Gpu(0, 1)).Up);

        // It hands the state on as a member, and leaves.
        Request("a", wanted: 2, minimum: 1, used: [Gpu(0), Gpu(0, 1)]);
        Assert.Equal([Gpu(0)], AskedBack("a"));
        Request("a", wanted: 1, minimum: 1, used: [Gpu(0, 1)]);
        Assert.Equal([Gpu(0, 1)], Gpus("a"));
        Assert.Empty(AskedBack("a"));
    }

    [Fact]
    public void Where_nothing_else_is_cool_it_stays_parked_and_says_so()
    {
        ParkOnNode0(minimum: 1);
        Hear(new CoolingZoneSet(new CoolingZone("hall", ["n00"], 0)));
        Hear(new SiteCapSet(1000));
        Assert.Equal([Gpu(0)], AskedBack("a"));
        Assert.Equal("cooling", Offers["a"].Supply!.Held!.Cause);
        Assert.Equal(0, View().Power!.DrawWatts);
        Hear(new CoolingZoneSet(new CoolingZone("hall", ["n00"], 100)));
        Assert.Empty(AskedBack("a"));
    }

    [Fact]
    public void A_job_that_is_parked_on_a_node_that_died_goes_on_with_the_power_that_it_needs_without_it()
    {
        ParkOnNode0(minimum: 1);
        Report(gpus: 1, up: false);
        Report(gpus: 1, node: 1);
        Hear(new SiteCapSet(100));
        Assert.Contains(Gpu(0, 1), Gpus("a"));
        Assert.DoesNotContain(Gpu(0, 1), AskedBack("a"));
        Assert.True(Offers["a"].Gpus.Single(offer => offer.Gpu == Gpu(0, 1)).Up);
    }

    [Fact]
    public void A_job_that_is_parked_on_a_node_of_which_a_cluster_that_was_loaded_anew_knows_nothing_goes_on()
    {
        ParkOnNode0(minimum: 1);
        Load();
        Hear(new Activated("s"));
        Report(gpus: 1, node: 1);
        Request("a", wanted: 1, minimum: 1, used: [Gpu(0)], parked: true);
        Hear(new SiteCapSet(100));
        Assert.Contains(Gpu(0, 1), Gpus("a"));
    }

    [Fact]
    public void Who_may_hold_the_state_is_given_by_name_also_when_nothing_else_is_free()
    {
        Report(gpus: 1);
        Hear(new NodeUnreached(Gpu(0).Node, "host:1", new NodeId("p1"), new JobId("j"), 1, "refused"));
        Hear(new NodeUnreached(Gpu(0).Node, "host:1", new NodeId("p2"), new JobId("j"), 1, "refused"));
        Request("a", wanted: 1, minimum: 1);
        Assert.Empty(Gpus("a"));
        Request("a", wanted: 1, minimum: 1, preferred: [Gpu(0)]);
        Assert.Equal([Gpu(0)], Gpus("a"));
    }

    /// <summary>Job a, of one rank, is parked on node 0, since there is no power.</summary>
    private void ParkOnNode0(int minimum)
    {
        Hear(new PowerSet(Settings));
        Report(gpus: 1);
        Request("a", wanted: 1, minimum: minimum);
        Request("a", wanted: 1, minimum: minimum, used: [Gpu(0)]);
        Hear(new SiteCapSet(0));
        Request("a", wanted: 1, minimum: minimum, used: [Gpu(0)], parked: true);
        Assert.Equal([Gpu(0)], AskedBack("a"));
    }

    private static PowerSettings Settings => new() { WattsPerGpu = 100, WattsPerNode = 0, Overhead = 1 };

    private static GpuId Gpu(int index, int node = 0) => new(new NodeId($"n{node:00}"), index);

    private void Report(int gpus, int node = 0, bool up = true) => Hear(new NodeReported(
        new NodeId($"n{node:00}"),
        new WorkerSession(1, 1),
        Next(),
        up,
        "host:1",
        [.. Enumerable.Range(0, gpus).Select(index => new GpuDescription(index, "gpu", "a", "cpu"))]));

    private void Request(
        string job, int wanted, int minimum, int priority = 0, GpuId[]? used = null, bool parked = false, GpuId[]? preferred = null) =>
        Hear(new GpusRequested(new JobId(job), 1, Next(), wanted, used ?? [], preferred ?? [])
        {
            Priority = priority,
            Minimum = minimum,
            Parked = parked,
            DeviceClass = used is null ? null : "a",
        });
}
