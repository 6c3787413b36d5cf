using System.Text;
using Coordinator.Configuration;
using Coordinator.Planning.Scenarios;
using Coordinator.Planning.Simulation;

namespace Coordinator.Tests.Planning;

public sealed class ScenarioFileTests
{
    [Fact]
    public void A_file_begins_from_a_preset_and_changes_what_it_names()
    {
        var fleet = Read("""
            failures:
              gpu: 2.5
              switch: 0.1
              software: 1
            cluster:
              nodes: 1000
              nodes_per_rank: 10
              preset: llama3-16k
              spares: 0
            repair_hours:
              gpu: 24
              switch: 6
            nodes_together:
              switch: 16
            costs:
              process_start_seconds: 30
            """);
        Assert.Equal(
            (1000, 10, 0, 6.0, 30.0), (fleet.Nodes, fleet.NodesPerRank, fleet.Spares, fleet.StepSeconds, fleet.Costs.ProcessStartSeconds));
        Assert.Equal(
            [new FailureCause("gpu", 2.5, Remedy.Replace, 24), new FailureCause(
                "switch", 0.1, Remedy.Replace, 6, 16), new FailureCause("software", 1, Remedy.Restart)], fleet.Causes);
    }

    [Theory]
    [InlineData("cluster:\n  nodes: many", 2, "cluster.nodes is 'many' but must be a whole number from 1 on")]
    [InlineData("cluster:\n  nodes: 1000\n  nodes_per_rank: 7", 3, "nodes_per_rank is 7 but must divide nodes, 1000, into 2 ranks or more")]
    [InlineData("cluster:\n  nodes: 900000", 2, "nodes is 900000 but must be 2 to 200000")]
    [InlineData("cluster:\n  preset: colossus", 2, "cluster.preset is 'colossus' but must be one of llama3-16k, eagle")]
    [InlineData("cluster:\n  node: 5", 2, "node is no known key; did you mean nodes? cluster has accelerator,")]
    [InlineData("clusters:\n  nodes: 5", 1, "clusters is no known section; did you mean cluster? the sections are cluster, power, costs, "
        + "rack, switch, power_zone, cooling_zone, growth, failures, repair_hours, nodes_together")]
    [InlineData("failures:\n  gpu: -1", 2, "failures.gpu is '-1' but must be a number of failures for 1,000 nodes and a day, above 0")]
    [InlineData("failures:\n  gpu: 1\nrepair_hours:\n  nic: 3", 4, "repair_hours.nic speaks of a cause that failures does not name")]
    [InlineData("cluster:\n  nodes: 4\n  nodes: 5", 3, "nodes is given twice, first in line 2")]
    [InlineData("costs:\n  handle_seconds: 0", 2, "costs.handle_seconds is '0' but must be a number above 0")]
    [InlineData(
        "growth:\n  30: 12",
        2,
        "the tranche of day 30 has 12 nodes but must have whole ranks of 5 nodes",
        "cluster:\n  nodes: 100\n  nodes_per_rank: 5\n")]
    [InlineData("growth:\n  may: 12", 2, "growth.may begins with no day; growth has lines such as 30: 12500")]
    [InlineData("growth:\n  30.5: 199000", 2, "with all tranches there are 200128 nodes but there must be", "cluster:\n  nodes: 1128\n")]
    [InlineData("growth:\n  3: 1.5", 2, "growth.3 is '1.5' but must be a number of nodes, 1 to 200000")]
    [InlineData(
        "rack:\n  nodes: 100\n  failures_per_year: 1\n  repair_hours: 1",
        2,
        "rack.nodes is 100 but must be 1 to 64, half of the nodes: somebody has to be left")]
    [InlineData(
        "switch:\n  nodes: 10\n  repair_hours: 1",
        2,
        "switch has no failures_per_year, and no preset gives it; a part has failures_per_year, nodes, repair_hours")]
    [InlineData("rack:\n  height: 2", 2, "height is no known key; rack has failures_per_year, nodes, repair_hours")]
    [InlineData("power:\n  approval_day: 3", 2, "power.approval_day is 3 but there is no power.approval_line_megawatts that it could lift")]
    [InlineData(
        "power:\n  site_cap_megawatts: 1\n  approval_line_megawatts: 2",
        3,
        "power.approval_line_megawatts is 2 but must be at most site_cap_megawatts, 1")]
    [InlineData(
        "power:\n  site_cap_megawatts: 0.01", 2, "power.site_cap_megawatts is 0.01 but must be 0.025 or more: two ranks of 1 nodes")]
    [InlineData("power:\n  overhead: 0.9", 2, "power.overhead is 0.9 but must be 1 to 10")]
    [InlineData("power:\n  idle_share: 2", 2, "power.idle_share is '2' but must be a share, 0 to 1")]
    public void A_file_that_cannot_be_is_refused_with_line_value_and_what_is_allowed(string yaml, int line, string says, string after = "")
    {
        var refused = Assert.Throws<ConfigurationException>(() => Read($"{yaml}\n{after}"));
        Assert.Equal(line, refused.Line);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_growth_and_power_of_a_preset_are_changed_key_by_key()
    {
        var fleet = Read("""
            cluster:
              preset: colossus-100k
              checkpoint_seconds: 90
            power_zone:
              failures_per_year: 2
            power:
              approval_day: 20.5
              watts_per_node: 9000
            growth:
              60: 2500
              30: 5000
            """);
        Assert.Equal(new SharedPart("power_zone", 500, 2, 4), fleet.Shared.Single(part => part.Name == "power_zone"));
        Assert.Equal(FleetPresets.Find("colossus-100k")!.Shared.Count, fleet.Shared.Count);
        Assert.Equal((20.5, 9000, 100), (fleet.Power.ApprovalDay, fleet.Power.NodeWatts, fleet.Power.ApprovalLineMegawatts));
        Assert.Equal([new(30, 5000), new(60, 2500)], fleet.Growth);
        Assert.Equal((90, 800), (fleet.CheckpointSeconds, fleet.Ranks));
    }

    [Fact]
    public void Every_preset_is_a_cluster_that_can_be() =>
        Assert.All(FleetPresets.All, preset => Assert.Empty(preset.Problems()));

    private static FleetSpec Read(string yaml) =>
        ScenarioFile.Apply(YamlSettings.Read("scenario.yaml", Encoding.UTF8.GetBytes(yaml), ScenarioFile.Form));
}
