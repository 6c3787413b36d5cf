using System.Text;
using Coordinator.Cli.Configuration;
using Coordinator.Cli.Planning;
using Coordinator.Simulator.Planning;

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
        Assert.Equal((1000, 10, 0, 6.0, 30.0), (fleet.Nodes, fleet.NodesPerRank, fleet.Spares, fleet.StepSeconds, fleet.Costs.ProcessStartSeconds));
        Assert.Equal(
            [new FailureCause("gpu", 2.5, Remedy.Replace, 24), new FailureCause("switch", 0.1, Remedy.Replace, 6, 16), new FailureCause("software", 1, Remedy.Restart)], fleet.Causes);
    }

    [Theory]
    [InlineData("cluster:\n  nodes: many", 2, "cluster.nodes is 'many' but must be a whole number from 1 on")]
    [InlineData("cluster:\n  nodes: 1000\n  nodes_per_rank: 7", 3, "nodes_per_rank is 7 but must divide nodes, 1000, into 2 ranks or more")]
    [InlineData("cluster:\n  nodes: 900000", 2, "nodes is 900000 but must be 2 to 200000")]
    [InlineData("cluster:\n  preset: colossus", 2, "cluster.preset is 'colossus' but must be one of llama3-16k, eagle")]
    [InlineData("cluster:\n  node: 5", 2, "node is no known key; did you mean nodes? cluster has accelerator,")]
    [InlineData("clusters:\n  nodes: 5", 1, "clusters is no known section; did you mean cluster? the sections are cluster, costs, failures, repair_hours, nodes_together")]
    [InlineData("failures:\n  gpu: -1", 2, "failures.gpu is '-1' but must be a number of failures for 1,000 nodes and a day, above 0")]
    [InlineData("failures:\n  gpu: 1\nrepair_hours:\n  nic: 3", 4, "repair_hours.nic speaks of a cause that failures does not name")]
    [InlineData("cluster:\n  nodes: 4\n  nodes: 5", 3, "nodes is given twice, first in line 2")]
    [InlineData("costs:\n  handle_seconds: 0", 2, "costs.handle_seconds is '0' but must be a number above 0")]
    public void A_file_that_cannot_be_is_refused_with_line_value_and_what_is_allowed(string yaml, int line, string says)
    {
        var refused = Assert.Throws<ConfigurationException>(() => Read(yaml));
        Assert.Equal(line, refused.Line);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_preset_is_a_cluster_that_can_be() =>
        Assert.All(FleetPresets.All, preset => Assert.Empty(preset.Problems()));

    private static FleetSpec Read(string yaml) => ScenarioFile.Apply(YamlSettings.Read("scenario.yaml", Encoding.UTF8.GetBytes(yaml), ScenarioFile.Form));
}
