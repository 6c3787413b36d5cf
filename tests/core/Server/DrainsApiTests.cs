using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>Maintenance through the HTTP API.</summary>
public sealed class DrainsApiTests : IAsyncLifetime
{
    private TestServer server = null!;

    private FakeGrains Grains => server.Grains;

    private CoordinatorClient Client => server.Client;

    public async Task InitializeAsync()
    {
        server = await TestServer.StartAsync();
        Grains.Show(new ClusterView([new ClusterNodeView(new NodeId("n1"), true, 2, 2, "cpu")], [])
        {
            Drains = [new DrainView(new NodeId("away"), null, DrainView.Drained, "gone", "ann", DateTimeOffset.UnixEpoch, null)],
        });
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_drain_reaches_the_cluster_with_its_last_moment_as_a_time_of_day_and_with_plain_texts()
    {
        await Client.DrainAsync(new DrainRequest
        {
            Nodes = ["n1"],
            Gpus = ["n1/1"],
            Reason = "new\u001b[31m disk\r\nnow",
            By = "ann\u202e",
            DeadlineMs = 90_000,
        });
        var ordered = await Grains.NextAsync<DrainOrdered>();
        Assert.Equal([new NodeId("n1")], ordered.Nodes);
        Assert.Equal([new GpuId(new NodeId("n1"), 1)], ordered.Gpus);
        Assert.Equal(("new\uFFFD[31m disk now", "ann\uFFFD"), (ordered.Reason, ordered.By));
        Assert.Equal(TimeSpan.FromSeconds(90), ordered.Until - ordered.At);

        // What is drained and away is known; a person need not say who it is.
        await Client.UncordonAsync(new DrainRequest { Nodes = ["away"] });
        var uncordoned = await Grains.NextAsync<UncordonOrdered>();
        Assert.Equal("an operator", uncordoned.By);
        Assert.Equal("away", Assert.Single(await Client.GetDrainsAsync()).Target);
    }

    [Theory]
    [InlineData("drain", "{\"nodes\":[\"n2\"],\"reason\":\"r\"}", 404, "there is no node 'n2'; nothing was changed")]
    [InlineData("drain", "{\"gpus\":[\"n1/2\"],\"reason\":\"r\"}", 404, "there is no gpu 'n1/2'; nothing was changed")]
    [InlineData("drain", "{\"gpus\":[\"n1\"],\"reason\":\"r\"}", 400, "'n1' is no gpu.")]
    [InlineData("drain", "{\"gpus\":[\"n1/01\"],\"reason\":\"r\"}", 400, "'n1/01' is no gpu.")]
    [InlineData("drain", "{\"nodes\":[null],\"reason\":\"r\"}", 404, "there is no node ''; nothing was changed")]
    [InlineData("drain", "{\"nodes\":[\"n1\"]}", 400, "a drain has a reason, and none is given.")]
    [InlineData("drain", "{\"nodes\":[\"n1\"],\"reason\":\" \\n\"}", 400, "a drain has a reason, and none is given.")]
    [InlineData("drain", "{\"reason\":\"r\"}", 400, "neither nodes nor gpus are named.")]
    [InlineData("drain", "{\"nodes\":[\"n1\"],\"reason\":\"r\",\"deadlineMs\":-1}", 400,
        "deadlineMs is -1; allowed are 0 to 3456000000.")]
    [InlineData("drain", "{\"node\":[\"n1\"],\"reason\":\"r\"}", 400,
        "what is named is not to be read: node is no member that is known here.")]
    [InlineData("drain", "{\"labels\":[\"rack\"],\"reason\":\"r\"}", 400,
        "'rack' is no label: a label is key=value, such as rack=r12.")]
    [InlineData("uncordon", "{\"nodes\":[\"n2\"]}", 404, "there is no node 'n2'; nothing was changed")]
    [InlineData("uncordon", "{\"nodes\":[\"n1\"],\"reason\":\"r\"}", 400, "whoever gives work again needs no reason and no deadline.")]
    public async Task What_cannot_be_is_refused_with_the_value_and_reaches_nobody(string path, string body, int status, string error)
    {
        using var http = server.Friend();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri($"/api/v1/{path}", UriKind.Relative), content);
        Assert.Equal((HttpStatusCode)status, answer.StatusCode);
        Assert.Equal(error, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["error"]!.GetValue<string>());
        Assert.Equal(0, Grains.Untaken);
    }

    [Fact]
    public async Task A_label_means_the_nodes_that_have_it_and_one_that_no_node_has_is_refused()
    {
        Grains.Show(new ClusterView(
        [
            new ClusterNodeView(new NodeId("n1"), true, 1, 1, "cpu") { Labels = NodeLabels.Parse(["rack=r12"]) },
            new ClusterNodeView(new NodeId("n2"), true, 1, 1, "cpu") { Labels = NodeLabels.Parse(["rack=r13"]) },
            new ClusterNodeView(new NodeId("n3"), false, 1, 0, "cpu") { Labels = NodeLabels.Parse(["rack=r12", "zone=b"]) },
        ], []));
        await Client.DrainAsync(new DrainRequest { Labels = ["rack=r12"], Reason = "power" });
        Assert.Equal([new NodeId("n1"), new NodeId("n3")], (await Grains.NextAsync<DrainOrdered>()).Nodes);
        await Client.UncordonAsync(new DrainRequest { Labels = ["rack=r12", "zone=b"] });
        Assert.Equal([new NodeId("n3")], (await Grains.NextAsync<UncordonOrdered>()).Nodes);
        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(
            () => Client.DrainAsync(new DrainRequest { Labels = ["rack=r9"], Reason = "power" }));
        Assert.Equal(HttpStatusCode.NotFound, refused.Status);
        Assert.Equal(0, Grains.Untaken);
    }

    [Fact]
    public async Task A_reason_that_is_longer_than_a_line_is_refused()
    {
        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(
            () => Client.DrainAsync(new DrainRequest { Nodes = ["n1"], Reason = new string('x', 501) }));
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.Equal(0, Grains.Untaken);
    }

    [Fact]
    public async Task Nodes_and_gpus_show_the_drain_that_concerns_them()
    {
        Grains.Show(new ClusterView([], [])
        {
            Drains = [new DrainView(new NodeId("n1"), null, DrainView.Draining, "disk", "ann", DateTimeOffset.UnixEpoch, null)],
        });
        Grains.Show(GrainAddress.Of(new NodeId("n1")), JsonSerializer.Serialize(
            new NodeView(new NodeId("n1"), true, new WorkerSession(1, 1), "n1:1", 1, [], [], 0), MachinesJson.Default.NodeView));
        var gpu = new GpuId(new NodeId("n1"), 3);
        Grains.Show(GrainAddress.Of(gpu), JsonSerializer.Serialize(
            new GpuView(gpu, GpuView.Healthy, "", 0, null), MachinesJson.Default.GpuView));
        Assert.Equal("disk", (await Client.GetNodeAsync(new NodeId("n1")))!.Drain!.Reason);
        Assert.Equal("draining", Assert.Single(await Client.GetNodesAsync()).Drain!.State);
        Assert.Equal("ann", Assert.Single(await Client.GetGpusAsync()).Drain!.By);
    }
}
