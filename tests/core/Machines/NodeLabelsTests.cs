using System.Text.Json;
using Coordinator.Cli.Commands;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Nodes;

namespace Coordinator.Tests.Machines;

/// <summary>Labels of nodes: what one may look like, and which nodes a label means.</summary>
public sealed class NodeLabelsTests
{
    [Theory]
    [InlineData("rack=r12", true)]
    [InlineData("example.com/zone=b", true)]
    [InlineData("a=", true)]
    [InlineData("A.b_c-d=1.x_Y-2", true)]
    [InlineData("rack", false)]
    [InlineData("=r12", false)]
    [InlineData("rack=r=12", false)]
    [InlineData("-rack=r12", false)]
    [InlineData("rack=r12-", false)]
    [InlineData("ra ck=r12", false)]
    [InlineData("/rack=r12", false)]
    [InlineData("Example.com/rack=r12", false)]
    [InlineData("a/b/c=d", false)]
    [InlineData("räck=r12", false)]
    [InlineData("rack=\u001b[31m", false)]
    public void A_label_follows_the_rules_of_kubernetes(string text, bool isLabel)
    {
        Assert.Equal(isLabel, NodeLabels.Problem(text) is null);
        Assert.Equal(
            isLabel,
            CommandLine.WhyRefused(["worker", "--silo", "http://127.0.0.1:1", "--node", "n", "--label", text]) is null);
    }

    [Fact]
    public void Keys_and_values_have_at_most_63_characters()
    {
        var (most, more) = (new string('a', 63), new string('a', 64));
        Assert.Null(NodeLabels.Problem($"{most}={most}"));
        Assert.NotNull(NodeLabels.Problem($"{more}=a"));
        Assert.NotNull(NodeLabels.Problem($"a={more}"));
    }

    [Fact]
    public void A_node_is_meant_that_has_all_of_the_wanted_labels()
    {
        var labels = NodeLabels.Parse(["rack=r12", "zone=b"]);
        Assert.True(NodeLabels.HasAll(labels, ["rack=r12"]));
        Assert.True(NodeLabels.HasAll(labels, ["rack=r12", "zone=b"]));
        Assert.False(NodeLabels.HasAll(labels, ["rack=r1"]));
        Assert.False(NodeLabels.HasAll(labels, ["rack=r12", "hall=c"]));
        Assert.False(NodeLabels.HasAll(null, ["rack=r12"]));
        Assert.Equal("rack=r12,zone=b", NodeLabels.Text(labels));
    }

    [Theory]
    [InlineData("Name nodes, or their --label.", "drain", "node", "--reason", "r")]
    [InlineData("Name nodes, or their --label, and not both.", "drain", "node", "n1", "--label", "a=b", "--reason", "r")]
    [InlineData("--label names a more than once; a node has one value of it.", "uncordon", "node", "--label", "a=b", "--label", "a=c")]
    [InlineData("--timeout is how long --wait waits; give --wait too.", "drain", "node", "n1", "--reason", "r", "--timeout", "5s")]
    [InlineData("--deadline is 'soon', which is no duration; write one such as 10s or 5m.",
        "drain", "gpu", "n1/0", "--reason", "r", "--deadline", "soon")]
    public void A_drain_that_says_too_little_or_too_much_is_refused_in_a_sentence(string complaint, params string[] arguments) =>
        Assert.Equal(complaint, CommandLine.WhyRefused(arguments));

    [Fact]
    public void A_node_tells_the_cluster_its_labels_and_shows_them()
    {
        var node = new NodeMachine(new NodeId("n1"));
        var outputs = new Outputs();
        node.Handle(TimeSpan.Zero, new Activated("silo"), outputs);
        node.Handle(TimeSpan.Zero, new WorkerConnected(new WorkerSession(1, 1), new Hello
        {
            Node = new NodeId("n1"),
            Session = new WorkerSession(1, 1),
            DataAddress = "n1:1",
            Labels = NodeLabels.Parse(["rack=r12"]),
            Gpus = [],
        }), outputs);
        var report = Assert.Single(outputs.Items.OfType<SendToGrain>().Select(sent => sent.Message).OfType<NodeReported>());
        Assert.Equal("rack=r12", NodeLabels.Text(report.Labels));
        var cluster = new ClusterMachine(null);
        cluster.Handle(TimeSpan.Zero, report, new Outputs());
        var view = JsonSerializer.Deserialize(cluster.Describe(TimeSpan.Zero), MachinesJson.Default.ClusterView)!;
        Assert.Equal("rack=r12", NodeLabels.Text(Assert.Single(view.Nodes).Labels));
    }
}
