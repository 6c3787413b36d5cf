using Coordinator.Cli.Output;
using Coordinator.Lab.Chaos;
using Coordinator.Lab.Chaos.Scenarios;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Cli;

/// <summary>The table's own logic: names, skips, lengths, rows. What the scenarios do to processes is the command's.</summary>
public sealed class ChaosScenariosTests
{
    private static readonly ChaosMachine Able = new()
    {
        IsLinux = true,
        NamespaceTrouble = null,
        HasIp = true,
        FakeTimeLibrary = "/usr/lib/libfaketime",
    };

    [Fact]
    public void Names_are_unique_and_found()
    {
        Assert.Equal(ChaosScenarios.All.Count, ChaosScenarios.All.Select(scenario => scenario.Name).Distinct().Count());
        Assert.All(ChaosScenarios.All, scenario => Assert.Same(scenario, ChaosScenarios.Find(scenario.Name)));
        Assert.Null(ChaosScenarios.Find("earthquake"));
    }

    [Fact]
    public void A_machine_that_has_everything_skips_nothing() =>
        Assert.All(ChaosScenarios.All, scenario => Assert.Null(scenario.WhySkipped(Able)));

    [Fact]
    public void What_is_missing_skips_those_that_need_it_and_no_others_with_the_reason()
    {
        AssertSkips(
            Able with { NamespaceTrouble = "this user is not root" }, "this user is not root", ChaosPlace.OwnHosts, ChaosPlace.SmallDisk);
        AssertSkips(Able with { HasIp = false }, "iproute2", ChaosPlace.OwnHosts);
        AssertSkips(Able with { FakeTimeLibrary = null }, "faketime", ChaosPlace.SteppedClock);
        AssertSkips(Able with { UsesPostgres = true }, "PostgreSQL", ChaosPlace.SteppedClock);
        AssertSkips(Able with { IsLinux = false }, "Linux", Enum.GetValues<ChaosPlace>());
    }

    [Fact]
    public async Task A_scenario_that_cannot_run_here_is_skipped_and_starts_nothing()
    {
        var runner = new ChaosRunner(
            Able with { HasIp = false }, Coordinator.Runs.Clusters.SiloBackend.Alone, 1, ChaosInjection.None, null);
        var result = await runner.RunAsync(ChaosScenarios.Find("host-unplugged")!, CancellationToken.None);
        runner.Clean();
        Assert.Equal(ChaosVerdict.Skipped, result.Verdict);
        Assert.Contains("iproute2", Assert.Single(result.Reasons), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.Zero, result.Took);
    }

    [Fact]
    public void Faults_that_workers_are_started_with_are_faults()
    {
        var plan = new ChaosPlan(1, ChaosPlan.ShortSteps);
        foreach (var scenario in ChaosScenarios.All)
        {
            _ = FaultPlan.Parse(Enumerable.Range(0, scenario.Workers).SelectMany(worker => scenario.Faults(plan, worker, 1)).Select(
                rule => rule.ToString()));
        }
    }

    [Fact]
    public void Longer_scenarios_get_more_steps_on_a_faster_machine_and_never_fewer_than_a_short_one()
    {
        Assert.Equal(ChaosPlan.ShortSteps, ChaosPlan.StepsFor(ChaosLength.Short, 1));
        Assert.Equal(2000, ChaosPlan.StepsFor(ChaosLength.Long, 10));
        Assert.Equal(7000, ChaosPlan.StepsFor(ChaosLength.Longest, 10));
        Assert.Equal(ChaosPlan.ShortSteps, ChaosPlan.StepsFor(ChaosLength.Long, 1000));
        Assert.True(ChaosPlan.StepsFor(ChaosLength.Long, 0) <= 100_000);
    }

    [Fact]
    public void One_seed_draws_the_same_victims_and_text_and_each_scenario_its_own()
    {
        var plan = new ChaosPlan(7, 1000);
        Assert.Equal(plan.Draw("a").Order(8), plan.Draw("a").Order(8));
        Assert.NotEqual(plan.Draw("a").Order(8), plan.Draw("b").Order(8));
        Assert.Equal(ChaosPlan.Text(7), ChaosPlan.Text(7));
        Assert.NotEqual(ChaosPlan.Text(7), ChaosPlan.Text(8));
    }

    [Fact]
    public void The_report_counts_each_verdict_and_is_good_as_long_as_nothing_failed()
    {
        var report = new ChaosReport("orleans", 1);
        report.Add(new ChaosResult("a", ChaosVerdict.Passed)
        {
            Deeds = [new ChaosDeed(DateTimeOffset.UnixEpoch, "SIGKILL to worker-1", 12, IsBlow: true)],
            Recovery = TimeSpan.FromSeconds(0.5),
            Took = TimeSpan.FromSeconds(3),
        });
        report.Add(new ChaosResult("b", ChaosVerdict.Skipped) { Reasons = ["needs root"] });
        Assert.True(report.Good);
        report.Add(new ChaosResult("c", ChaosVerdict.Failed)
        {
            Reasons = ["waited for the end of the job until the time limit of 90 s had passed"],
            Logs = "/tmp/c",
        });
        Assert.False(report.Good);
        Assert.Equal("1 passed, 1 failed, 1 skipped", report.Summary);
        Assert.Equal(
            "a   passed   0.50 s    3.00 s       step 12: SIGKILL to worker-1", Assert.Single(ChaosReport.Rows(report.Results[0], 1)));
        Assert.Equal("b   skipped  -         -            needs root", Assert.Single(ChaosReport.Rows(report.Results[1], 1)));
        Assert.Equal(3, ChaosReport.Rows(report.Results[2], 1).Count());

        using var json = new StringWriter();
        new Listing("ChaosReport", report.ToJson(), [], []).Print(json, OutputFormat.Json);
        var document = System.Text.Json.Nodes.JsonNode.Parse(json.ToString())!;
        Assert.Equal(1, (int)document["failed"]!);
        Assert.Equal(0.5, (double)document["items"]![0]!["recoverySeconds"]!);
        Assert.Equal("v1", (string)document["apiVersion"]!);
    }

    private static void AssertSkips(ChaosMachine machine, string reason, params ChaosPlace[] places)
    {
        foreach (var scenario in ChaosScenarios.All)
        {
            if (places.Contains(scenario.Place))
                Assert.Contains(reason, scenario.WhySkipped(machine), StringComparison.Ordinal);
            else
                Assert.Null(scenario.WhySkipped(machine));
        }
    }
}
