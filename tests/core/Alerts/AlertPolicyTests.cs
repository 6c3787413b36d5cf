using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Alerts;

namespace Coordinator.Tests.Alerts;

/// <summary>What is told after which looks, in times that the test makes up.</summary>
public sealed class AlertPolicyTests
{
    private static readonly JobId Job = new("job-1");
    private readonly AlertPolicy policy = new(new AlertRules());
    private DateTimeOffset now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long generation;

    private static ClusterLook Calm => new() { Jobs = [], Gangs = [], FreeGpus = 4, Power = new PowerView() };

    [Fact]
    public void A_job_that_records_no_step_is_told_after_its_time_once_and_again_when_it_goes_on()
    {
        Assert.Empty(After(0, Training(10)));
        Assert.Empty(After(299, Training(10)));
        Assert.Equal(["ALERT stalled-progress job-1"], After(1, Training(10)));
        Assert.Empty(After(300, Training(10)));
        Assert.Equal(["over stalled-progress job-1"], After(10, Training(11)));
        Assert.Empty(After(299, Training(12)));
        Assert.Empty(After(299, Training(12)));
    }

    [Fact]
    public void What_nobody_could_be_asked_about_is_neither_begun_nor_ended()
    {
        After(0, Training(10));
        Assert.Equal(["ALERT stalled-progress job-1"], After(300, Training(10)));
        Assert.Empty(After(10, new ClusterLook()));
        Assert.Empty(After(10, Training(10)));
        Assert.Equal(["over stalled-progress job-1"], After(10, Calm));
    }

    [Fact]
    public void Failures_count_by_generation_and_the_node_where_each_began_is_suspect()
    {
        int[] first = [7, 1, 0, 1, 0];
        var told = first.SelectMany(node => After(60, Calm with { Events = Failure(node, others: 8) })).ToArray();

        // Nodes 1 and 0 twice each within the hour; node 8 only followed, each time.
        Assert.Equal(["ALERT suspect-node n1", "ALERT restart-storm job-1", "ALERT suspect-node n0"], told);
        Assert.Equal(["over restart-storm job-1"], After(600, Calm));
        Assert.Equal(["over suspect-node n0", "over suspect-node n1"], After(3600, Calm).Order());
    }

    [Theory]
    [InlineData(GangFailure.Drained, false)]
    [InlineData(GangFailure.GivenBack, false)]
    [InlineData("signal", true)]
    public void A_gang_that_operators_move_has_not_failed(string cause, bool isFailure)
    {
        var told = new[] { 1, 2 }.SelectMany(_ =>
        {
            generation++;
            return After(60, Calm with { Events = [Happened(EventKinds.GangFailure, "why", node: 4, cause: cause)] });
        }).ToArray();

        Assert.Equal(isFailure ? ["ALERT suspect-node n4"] : [], told);
    }

    [Fact]
    public void A_gpu_that_is_quarantined_again_makes_its_node_suspect()
    {
        Assert.Empty(Says("n3/1 is quarantined after 1 faults: xid 79"));
        Assert.Empty(Says("n3/1 is probation after 1 faults: xid 79"));
        Assert.Equal(["ALERT suspect-node n3"], Says("n3/1 is quarantined after 2 faults: xid 79"));

        string[] Says(string text) => After(60, Calm with { Events = [Happened(EventKinds.GpuHealth, text, node: 3)] });
    }

    [Fact]
    public void A_job_that_is_short_is_told_where_no_gpu_is_free()
    {
        var look = Training(10, ranks: 2, members: 1) with { FreeGpus = 0 };
        After(0, look);
        Assert.Equal(["ALERT one-holder job-1"], After(60, look));
        Assert.Equal(["ALERT spares-exhausted job-1"], After(60, look));
        Assert.Equal(["over spares-exhausted job-1"], After(1, look with { FreeGpus = 1 }));
    }

    [Fact]
    public void A_silo_that_does_not_answer_and_one_that_is_not_well_are_told()
    {
        var look = Calm with
        {
            Lost = new Dictionary<string, string> { ["http://a"] = "refused" },
            Unwell = new Dictionary<string, string> { ["http://b"] = "the disk is full" },
        };
        After(0, look);
        Assert.Equal(["ALERT silo-lost http://a", "ALERT storage-away http://b"], After(30, look).Order());
        Assert.Equal(["over silo-lost http://a", "over storage-away http://b"], After(5, Calm).Order());
    }

    [Fact]
    public void A_checkpoint_that_grows_old_is_told_and_one_that_is_not_wanted_is_not()
    {
        After(0, Training(10));
        Assert.Contains("ALERT checkpoint-age job-1", After(3600, Training(5000)));
        var off = Training(10);
        var spec = new JobSpec { Checkpoint = new CheckpointSpec { Interval = "off" } };
        off = off with { Jobs = [off.Jobs![0] with { Id = new JobId("off"), Spec = spec }] };
        After(0, off);
        Assert.DoesNotContain("ALERT checkpoint-age off", After(7200, off));
    }

    [Fact]
    public void Power_near_its_cap_and_a_budget_that_runs_low_are_told()
    {
        var gang = new GangView { Id = new JobId("gang-1"), Phase = "running", Spec = new GangSpec(), Restarts = 2, RestartsLeft = 1 };
        var look = Calm with { Power = new PowerView { UsableWatts = 1000, DrawWatts = 950 }, Gangs = [gang] };
        Assert.Equal(["ALERT power-near-cap site", "ALERT restart-budget-low gang-1"], After(0, look).Order());
        look = look with { Power = new PowerView { UsableWatts = 1000, DrawWatts = 949 }, Gangs = [gang with { RestartsLeft = 2 }] };
        Assert.Equal(["over power-near-cap site", "over restart-budget-low gang-1"], After(1, look).Order());
    }

    [Theory]
    [InlineData(null, "ALERT job-failed job-1")]
    [InlineData("not finite", "ALERT loss-not-finite job-1")]
    [InlineData("cancelled", null)]
    public void A_job_that_fails_is_told_unless_somebody_has_ended_it(string? cause, string? expected)
    {
        var failed = Happened(EventKinds.JobFailed, "why", cause: cause);
        Assert.Equal(expected is null ? [] : [expected], After(0, Calm with { Events = [failed] }));
    }

    [Fact]
    public void A_rule_that_is_off_says_nothing()
    {
        var quiet = new AlertPolicy(AlertRules.Parse(string.Join('\n', AlertRule.All.Select(rule => $"{rule.Name}: off"))));
        for (var i = 0; i < 9; i++)
        {
            Assert.Empty(quiet.Take(Training(10, ranks: 2, members: 1) with { FreeGpus = 0, Events = Failure(1, 2) }, now));
            now += TimeSpan.FromHours(1);
        }
    }

    private static ClusterLook Training(long step, int ranks = 1, int members = 1) => Calm with
    {
        Jobs =
        [
            new JobView
            {
                Id = Job,
                Phase = "running",
                Spec = new JobSpec { Ranks = ranks },
                Recorded = step,
                Loss = 1,
                Members = [.. Enumerable.Range(0, members).Select(rank => new MemberView(rank, Gpu(rank), "", 1, 1, true, "running"))],
            },
        ],
    };

    private static GpuId Gpu(int node) => new(new NodeId($"n{node}"), 0);

    private (DateTimeOffset At, CoordinatorEvent Event)[] Failure(int first, int others)
    {
        generation++;
        return [Happened(EventKinds.RankExcluded, "", first), Happened(EventKinds.RankExcluded, "", others)];
    }

    private (DateTimeOffset At, CoordinatorEvent Event) Happened(string kind, string text, int? node = null, string? cause = null) =>
        (now, new CoordinatorEvent
        {
            Kind = kind,
            Job = Job,
            Node = node is { } of ? Gpu(of).Node : null,
            Gpu = node is { } its ? Gpu(its) : null,
            Generation = generation,
            Text = text,
            Cause = cause,
        });

    private string[] After(double seconds, ClusterLook look)
    {
        now += TimeSpan.FromSeconds(seconds);
        return [.. policy.Take(look, now).Select(alert => $"{(alert.IsOver ? "over" : "ALERT")} {alert.Rule.Name} {alert.Subject}")];
    }
}
