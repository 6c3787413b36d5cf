using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines;

/// <summary>
/// What power and cooling allow, at the cluster's machine alone. A gpu draws 700 W and a host 100 W, times 2, unless a test says otherwise.
/// </summary>
public sealed class PowerTests : ClusterAlone
{
    private static readonly PowerSettings Settings = new() { WattsPerGpu = 700, WattsPerNode = 100, Overhead = 2 };


    [Fact]
    public void As_many_gpus_run_as_the_cap_feeds_with_their_hosts_and_overhead_and_the_job_hears_why_it_gets_no_more()
    {
        Report(0, gpus: 4);

        // The host is up: 200 W. Two gpus more are 3,000 W; a watt less is room for one.
        Hear(new PowerSet(Settings with { SiteCapWatts = 2999 }));
        Request("j", wanted: 4);
        Assert.Equal([Gpu(0, 0)], Gpus("j"));
        Assert.Equal("power", Offers["j"].Supply!.Held!.Cause);
        Assert.Contains("the site draws 1.6 kW of at most 2.999 kW", Offers["j"].Supply!.Held!.Text, StringComparison.Ordinal);

        Hear(new SiteCapSet(3000));
        Assert.Equal([Gpu(0, 0), Gpu(0, 1)], Gpus("j"));
        Assert.Equal(3000, View().Power!.DrawWatts);

        // A host that comes up draws as well, and a class may draw something else.
        Hear(new SiteCapSet(5000));
        Report(1, gpus: 1, deviceClass: "b-1");
        Assert.Equal(3, Gpus("j").Length);
        Hear(new PowerSet(Settings with { SiteCapWatts = 20_000, Classes = [new ClassPower("b", 5000, 50)] }));
        Request("k", wanted: 1, deviceClass: "b");
        Assert.Equal([Gpu(1, 0)], Gpus("k"));
        Assert.Equal(2 * ((4 * 700) + 100 + 5000 + 50), View().Power!.DrawWatts);
    }

    [Fact]
    public void What_is_above_the_approval_line_is_usable_once_the_approval_arrives()
    {
        Report(0, gpus: 4);
        Hear(new PowerSet(Settings with { SiteCapWatts = 6000, ApprovalLineWatts = 3000 }));
        Request("j", wanted: 4);
        Assert.Equal(2, Gpus("j").Length);
        Assert.Equal("approval", Offers["j"].Supply!.Held!.Cause);

        Hear(new PowerApproved(true, "letter of today"));
        Assert.Equal(4, Gpus("j").Length);
        Assert.Null(Offers["j"].Supply);
        Assert.Contains(Events, e => e.Kind == EventKinds.PowerChanged && e.Text.Contains("letter of today", StringComparison.Ordinal));

        // Approval and settings outlive the grain; withdrawn, the approval gives gpus back.
        Load();
        Hear(new Activated("s"));
        Assert.True(View().Power!.Approved);
        Report(0, gpus: 4);
        Request("j", wanted: 4, [.. Enumerable.Range(0, 4).Select(index => Gpu(0, index))]);
        Assert.Empty(AskedBack("j"));
        Hear(new PowerApproved(false, ""));
        Assert.Equal([Gpu(0, 2), Gpu(0, 3)], AskedBack("j"));
    }

    [Fact]
    public void A_lowered_cap_takes_from_the_least_important_job_first_and_leaves_each_job_one_gpu_and_a_raised_one_gives_back()
    {
        Hear(new PowerSet(Settings with { WattsPerNode = 0, Overhead = 1 }));
        Report(0, gpus: 6);
        Request("a", wanted: 2, priority: -1);
        Request("b", wanted: 2, priority: 5);
        Request("c", wanted: 2, priority: -1);
        string[] jobs = ["a", "b", "c"];
        var priorities = new[] { -1, 5, -1 };
        var all = jobs.ToDictionary(job => job, Gpus);
        for (var i = 0; i < 3; i++)
            Request(jobs[i], wanted: 2, all[jobs[i]], priorities[i]);

        // Of a and c, which are equal, the later id gives first; then each is left one; b gives last.
        Hear(new SiteCapSet(5 * 700));
        Assert.Equal([[], [], [all["c"][1]]], jobs.Select(AskedBack));
        Hear(new SiteCapSet(4 * 700));
        Assert.Equal([[all["a"][1]], [], [all["c"][1]]], jobs.Select(AskedBack));
        Hear(new SiteCapSet(0));
        Assert.Equal([[all["a"][1]], [all["b"][1]], [all["c"][1]]], jobs.Select(AskedBack));
        Assert.Equal(3 * 700, View().Power!.OverWatts);
        Assert.Contains("2.1 kW too much remain", Events[^1].Text, StringComparison.Ordinal);

        // a and b let go; c has not, and may keep it. The node is up all the time, and members stay linked.
        Request("a", wanted: 2, [all["a"][0]], -1);
        Request("b", wanted: 2, [all["b"][0]], 5);
        Assert.Equal([all["a"][0]], Gpus("a"));
        Assert.All(Offers.Values.SelectMany(offered => offered.Gpus), offer => Assert.True(offer.NodeUp));
        Hear(new SiteCapSet(5 * 700));
        Assert.Empty(AskedBack("c"));

        // One gpu's power is free: the most important job has it.
        Assert.Equal(2, Gpus("b").Length);
        Assert.Single(Gpus("a"));
        Hear(new SiteCapSet(null));
        Assert.Equal(2, Gpus("a").Length);
        Assert.Equal(
            2, Events.Count(e => e.Kind == EventKinds.PowerRestored && e.Text.Contains("has 1 gpu back", StringComparison.Ordinal)));
    }

    [Fact]
    public void Starts_are_staggered_under_the_ramp_limit_and_so_are_those_after_a_power_cut_but_not_after_a_lost_connection()
    {
        Hear(new PowerSet(Settings with { WattsPerNode = 0, Overhead = 1, RampWattsPerSecond = 1400 }));
        Report(0, gpus: 3);
        Report(1, gpus: 3);
        Request("j", wanted: 6);
        Assert.Empty(Gpus("j"));
        Assert.Equal("ramp", Offers["j"].Supply!.Held!.Cause);
        for (var given = 2; given <= 6; given += 2)
        {
            Wait(TimeSpan.FromSeconds(1));
            Assert.Equal(given, Gpus("j").Length);
        }

        var used = Gpus("j");
        Request("j", wanted: 6, used);
        Wait(TimeSpan.FromSeconds(10));

        // A connection is lost and comes back with the same process: nothing starts.
        Report(0, gpus: 3, up: false);
        Report(0, gpus: 3, connection: 2);
        Assert.Equal(6, Up("j"));

        // The power fails, and with it the cluster's grain; the processes that come are later ones. A bucket of one second is empty at
        // first.
        Load();
        Hear(new Activated("s"));
        Report(0, gpus: 3, boot: 9);
        Report(1, gpus: 3, boot: 9);
        Request("j", wanted: 6, used);
        Assert.Equal(0, Up("j"));
        Assert.Equal(4200, View().Power!.WaitingWatts);
        for (var started = 2; started <= 6; started += 2)
        {
            Wait(TimeSpan.FromSeconds(1));
            Assert.Equal(started, Up("j"));
        }

        Wait(TimeSpan.FromMinutes(1));
        Assert.Null(NextDeadline);
    }

    [Fact]
    public void A_zone_that_loses_capacity_throttles_gpus_whose_work_moves_to_other_zones_and_what_finds_no_place_is_given_back_later()
    {
        Hear(new PowerSet(Settings with { WattsPerNode = 0 }));
        Hear(new CoolingZoneSet(new CoolingZone("a", ["n00", "n1*"], 2100)));
        Report(0, gpus: 3);
        Request("j", wanted: 3);
        Request("j", wanted: 3, Gpus("j"));
        Report(1, gpus: 1);
        Assert.Equal(2100, Assert.Single(View().Cooling).HeatWatts);

        // Two are too hot. One free gpu is elsewhere: it is given on top, and one is asked back at once.
        Hear(new CoolingZoneSet(new CoolingZone("a", ["n00", "n1*"], 700)));
        Assert.Equal([Gpu(0, 0), Gpu(0, 1), Gpu(0, 2), Gpu(1, 0)], Gpus("j"));
        Assert.Equal([Gpu(0, 2)], AskedBack("j"));
        Assert.Equal([Gpu(0, 1), Gpu(0, 2)], View().Power!.Limited.Select(limited => limited.Gpu));
        Assert.Contains(
            "2 gpus (n00/1, n00/2) of j throttled",
            Assert.Single(Events, e => e.Kind == EventKinds.GpuThrottled).Text,
            StringComparison.Ordinal);
        Request("j", wanted: 3, [Gpu(0, 0), Gpu(0, 1), Gpu(1, 0)]);
        Assert.Empty(AskedBack("j"));

        // The other finds no place: it is taken after ten seconds, and the job hears why it gets no more.
        Wait(TimeSpan.FromSeconds(9));
        Assert.Empty(AskedBack("j"));
        Wait(TimeSpan.FromSeconds(1.2));
        Assert.Equal([Gpu(0, 1)], AskedBack("j"));
        Request("j", wanted: 3, [Gpu(0, 0), Gpu(1, 0)]);
        Assert.Equal([Gpu(0, 0), Gpu(1, 0)], Gpus("j"));
        Assert.Equal("cooling", Offers["j"].Supply!.Held!.Cause);

        Hear(new CoolingZoneSet(new CoolingZone("a", ["n00", "n1*"], 2100)));
        Assert.Equal(3, Gpus("j").Length);
        Hear(new CoolingZoneCleared("a"));
        Assert.Empty(View().Cooling);
    }

    [Fact]
    public void A_replacement_that_a_job_of_one_rank_has_not_taken_yet_stays_its_own_and_its_gpu_is_still_asked_back_when_it_wants_both()
    {
        Hear(new CoolingZoneSet(new CoolingZone("a", ["n00"], 10_000)));
        Report(0, gpus: 1);
        Request("j", wanted: 1);
        Request("j", wanted: 1, [Gpu(0, 0)]);
        Report(1, gpus: 1);
        Hear(new CoolingZoneSet(new CoolingZone("a", ["n00"], 0)));
        for (var again = 0; again < 3; again++)
        {
            Request("j", wanted: 2, [Gpu(0, 0)]);
            Assert.Contains(Gpu(1, 0), Gpus("j"));
            Assert.Equal([Gpu(0, 0)], AskedBack("j"));
        }
    }

    [Theory]
    [InlineData("700", 700L)]
    [InlineData("150MW", 150_000_000L)]
    [InlineData("2.5 kW", 2500L)]
    [InlineData("1000GW", 1_000_000_000_000L)]
    [InlineData("1001GW", null)]
    [InlineData("0.5W", null)]
    [InlineData("-1W", null)]
    [InlineData("5mw", null)]
    [InlineData("", null)]
    [InlineData("MW", null)]
    public void Watts_are_read_with_units_and_written_back(string text, long? watts)
    {
        Assert.Equal(watts is not null, PowerText.TryParse(text, out var read));
        Assert.Equal(watts ?? 0, read);
        if (watts is not null)
            Assert.True(PowerText.TryParse(PowerText.Of(read), out var again) && again == read);
    }

    [Fact]
    public void Settings_with_which_nothing_can_be_reckoned_are_refused_with_the_value_and_what_is_allowed()
    {
        Assert.Contains("overhead is 0.5; allowed is 1 to 10", (Settings with { Overhead = 0.5 }).Problem(), StringComparison.Ordinal);
        Assert.Contains("rampWattsPerSecond is 0", (Settings with { RampWattsPerSecond = 0 }).Problem(), StringComparison.Ordinal);
        Assert.Contains("'*n'", new CoolingZone("a", ["*n"], 1).Problem(), StringComparison.Ordinal);
        Assert.Contains("'a b'", new CoolingZone("a b", ["n"], 1).Problem(), StringComparison.Ordinal);
        Hear(new PowerSet(Settings with { Overhead = double.NaN }));
        Assert.Null(View().Power!.Settings);
        Assert.Empty(Events);
    }

    private static GpuId Gpu(int node, int index) => new(new NodeId($"n{node:00}"), index);

    private void Report(
        int node, int gpus, bool up = true, string deviceClass = "a", long boot = 1, long connection = 1) => Hear(new NodeReported(
        new NodeId($"n{node:00}"),
        new WorkerSession(boot, connection),
        Next(),
        up,
        "host:1",
        [.. Enumerable.Range(0, gpus).Select(index => new GpuDescription(index, "gpu", deviceClass, "cpu"))]));

    private void Request(string job, int wanted, GpuId[]? used = null, int priority = 0, string? deviceClass = null) =>
        Hear(new GpusRequested(new JobId(job), 1, Next(), wanted, used ?? [], []) { Priority = priority, DeviceClass = deviceClass });

    private int Up(string job)
    {
        Settle();
        return Offers[job].Gpus.Count(offer => offer.Up);
    }
}
