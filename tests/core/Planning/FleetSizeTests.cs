using Coordinator.Planning.Simulation;
using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Tests.Planning;

/// <summary>Clusters that grow, that wait for their power, and whose nodes share parts.</summary>
public sealed class FleetSizeTests
{
    private const double Day = 86_400;

    private static readonly FleetSpec Still = new()
    {
        Name = "still",
        Nodes = 64,
        NodesPerRank = 2,
        Spares = 8,
        StepSeconds = 5,
        StateBytes = 1e11,
        Causes = [],
    };

    [Theory]
    [InlineData("coordinator", 0.997, 1)]
    [InlineData("drop", 0.997, 1)]
    [InlineData("restart", 0.99, 1)]
    public void A_job_that_grows_does_the_steps_of_all_ranks_that_stand_there(string policy, double least, double most)
    {
        var grown = FleetSimulation.Run(Still with { Growth = [new(2, 32), new(3, 64)] }, 4, 1, policy);
        Assert.Equal((32 + 16 + 32, 80), (grown.Fleet.Ranks, grown.RanksAtTheEnd));

        // Two days of 32 ranks, one of 48, one of 80.
        double rankDays = (2 * 32) + 48 + 80;
        Assert.Equal(rankDays * Day, grown.Ledger.Total, 300 * 80.0);
        Assert.InRange(grown.Goodput, least, most);
        Assert.InRange(grown.Steps, least * rankDays * Day / 5 / 80, most * 1.01 * rankDays * Day / 5 / 80);
    }

    [Fact]
    public void The_shipping_machine_takes_a_tranche_into_one_generation()
    {
        var grown = FleetSimulation.Run(Still with { Growth = [new(1, 32), new(2, 64)] }, 3, 1, "coordinator");
        Assert.Equal(3, grown.Generations);
        Assert.Equal(
            [32, 48, 80], grown.Timeline.Where(stretch => stretch.Doing == Loss.Productive).Select(stretch => stretch.Ranks).Distinct());
    }

    [Theory]
    [InlineData("coordinator")]
    [InlineData("restart")]
    [InlineData("drop")]
    public void Ranks_above_the_approval_line_have_no_power_before_the_approval(string policy)
    {
        // 64 nodes draw 0.64 MW, 48 of them have power for a day.
        var site = Still with
        {
            Power = new PowerSpec
            {
                NodeWatts = 8_000,
                Overhead = 1.25,
                SiteCapMegawatts = 0.64,
                ApprovalLineMegawatts = 0.48,
                ApprovalDay = 1,
            }
        };
        Assert.Empty(site.Problems());
        var report = FleetSimulation.Run(site, 4, 1, policy);
        Assert.Equal(1 / 16.0, report.Ledger.Share(Loss.Unpowered), 2e-3);
        Assert.InRange(report.Goodput, 0.93, 15 / 16.0);
        Assert.Equal(24 * (0.48 + (3 * 0.64)), report.MegawattHoursSpent, 0.01);

        // A quarter of a day's work is made up for at the end, at the pace of all.
        Assert.InRange(report.DaysLate, 0.25, 0.27);
        Assert.Equal(
            0, FleetSimulation.Run(site with { Power = site.Power with { ApprovalDay = 0 } }, 4, 1, policy).Ledger.Of(Loss.Unpowered));
    }

    [Fact]
    public void A_ramp_limit_staggers_who_comes_and_every_restart_of_everybody()
    {
        var failing = Still with
        {
            Causes = [new("gpu", 30, Remedy.Replace, 5)],
            Growth = [new(1, 64)],
            Power = new PowerSpec { NodeWatts = 10_000, Overhead = 1 },
        };
        var slow = failing with { Power = failing.Power with { RampMegawattsPerMinute = 0.02 } };
        var (free, limited) = (FleetSimulation.Run(failing, 4, 1, "restart"), FleetSimulation.Run(slow, 4, 1, "restart"));

        // 128 nodes less what they keep while idle: 0.9 MW, 45 minutes.
        Assert.InRange(limited.Recovery(0.5) - free.Recovery(0.5), 44 * 60, 46 * 60);
        Assert.Equal(0, FleetSimulation.Run(slow, 4, 1, "coordinator").StepsAgain);
        var joined = FleetSimulation.Run(slow with { Causes = [] }, 2, 1, "coordinator").Timeline
            .Where(stretch => stretch.Doing == Loss.Productive).Select(stretch => stretch.Ranks).Distinct().ToArray();
        Assert.Equal(33, joined.Length);
    }

    [Fact]
    public void A_shared_part_takes_its_own_nodes_and_they_come_back_with_it_in_one_generation()
    {
        var zone = Still with { Shared = [new("power_zone", 16, 200, 2)], Spares = 0 };
        var report = FleetSimulation.Run(zone, 10, 1, "coordinator");
        Assert.InRange(report.Failures, 10, 40);
        Assert.All(report.Strikes, strike => Assert.Equal(0, strike.FirstNode % 16));
        Assert.InRange(report.Generations, report.Failures + 1, (2 * report.Failures) + 1);
        Assert.Contains(report.Timeline, stretch => stretch.Ranks == 32 - 8);
        Assert.Equal(0, report.SparesWanted);
        Assert.True(report.MostInRepair >= 16);
    }

    [Fact]
    public void Memphis_draws_150_megawatts_of_which_a_third_waits_for_the_approval()
    {
        var memphis = FleetPresets.Find("colossus-100k")!;
        Assert.Equal((150, 100), (memphis.Power.SiteCapMegawatts, memphis.Power.ApprovalLineMegawatts));
        var report = FleetSimulation.Run(
            memphis with { Causes = [], Shared = [], Power = memphis.Power with { ApprovalDay = 1 } }, 2, 1, "drop");
        Assert.Equal(150, report.PeakMegawatts, 1e-9);
        Assert.Equal(333, report.Timeline.First(stretch => stretch.Doing == Loss.Productive).Ranks);
    }

    [Fact]
    public void In_one_cluster_of_three_classes_each_job_gets_its_own_and_none_gets_two()
    {
        var fleets = new[]
        {
            "aurora", "frontier", "colossus-100k",
        }.Select(name => FleetPresets.Find(name)! with { Nodes = 10 * FleetPresets.Find(name)!.NodesPerRank }).ToArray();
        var jobs = MixedCluster.Run(fleets);
        Assert.Equal(
            [("intel-gpu-max", "running", 10), ("amd-mi250x", "running", 10), ("nvidia-h100", "running", 10)],
            jobs.Take(3).Select(job => (Assert.Single(job.Classes), job.Phase, job.Ranks)));

        // Five places of each class are free: together as many as these two want, and of no class enough. Neither holds what it cannot use.
        var (any, one) = (jobs[3], jobs[4]);
        Assert.Equal((15, "waiting", 0), (any.Wanted, any.Phase, any.Ranks));
        Assert.Empty(any.Classes);
        Assert.StartsWith("wants 15, 5 of class amd-mi250x, 5 of class intel-gpu-max, 5 of class nvidia-h100 free, and gpus of different "
            + "classes are never mixed in a job", any.Shortage, StringComparison.Ordinal);
        Assert.Equal(("waiting", 0), (one.Phase, one.Ranks));
        Assert.Empty(one.Classes);
        Assert.Contains(
            "no more gpus of class nvidia-h100 (job.device_class) are free; free: 5 of class amd-mi250x and 5 of class intel-gpu-max",
            one.Shortage,
            StringComparison.Ordinal);
    }
}
