using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Server.Client;
using Coordinator.Silo.Hosting;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>Power and cooling through the HTTP API of a silo, with the real cluster behind it.</summary>
public sealed class LimitsApiTests : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private OrleansSilo silo = null!;
    private CoordinatorClient client = null!;

    public async Task InitializeAsync()
    {
        silo = await TestSilo.StartAsync(folder.Path);
        client = new CoordinatorClient(silo.Url, silo.Token);
    }

    public async Task DisposeAsync()
    {
        client.Dispose();
        await silo.StopAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task What_is_not_given_stays_as_it_was_and_a_limit_that_is_null_is_taken_away()
    {
        Assert.Null((await client.GetPowerAsync()).Settings);
        await client.SetPowerAsync(
            new JsonObject { ["siteCapWatts"] = 150_000_000, ["approvalLineWatts"] = 100_000_000, ["overhead"] = 1.25 });
        var set = (await client.SetPowerAsync(new JsonObject
        {
            ["wattsPerGpu"] = 500,
            ["classes"] = new JsonArray(new JsonObject { ["deviceClass"] = "cpu", ["wattsPerGpu"] = 100, ["wattsPerNode"] = 50 }),
        })).Settings!;
        Assert.Equal(
            (500, 2000, 1.25, 150_000_000L, 100_000_000L),
            (set.WattsPerGpu, set.WattsPerNode, set.Overhead, set.SiteCapWatts!.Value, set.ApprovalLineWatts!.Value));
        Assert.Equal(new ClassPower("cpu", 100, 50), Assert.Single(set.Classes));

        Assert.Equal(100_000_000, (await client.GetPowerAsync()).UsableWatts);
        Assert.Equal(150_000_000, (await client.ApprovePowerAsync(true, "letter")).UsableWatts);
        Assert.Null((await client.SetPowerAsync(new JsonObject { ["siteCapWatts"] = null })).UsableWatts);
        Assert.Equal(7, (await client.SetSiteCapAsync(7)).UsableWatts);
        Assert.Null((await client.ClearPowerAsync()).Settings);
        Assert.Equal(
            ["settings", "settings", "approval", "settings", "cap", "settings"],
            (await client.GetEventsAsync(null)).Items.Where(stored => stored.Event.Kind == EventKinds.PowerChanged).Select(
                stored => stored.Event.Cause));
    }

    [Fact]
    public async Task Zones_are_set_listed_and_cleared()
    {
        await client.SetCoolingZoneAsync(new CoolingZone("hall-a", ["a-*"], 5_000_000));
        Assert.Equal(5_000_000, Assert.Single(await client.GetCoolingAsync()).Zone.CapacityWatts);
        Assert.Empty(await client.ClearCoolingZoneAsync("hall-a"));
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await Assert.ThrowsAsync<CoordinatorApiException>(() => client.ClearCoolingZoneAsync("hall-a"))).Status);
    }

    [Theory]
    [InlineData("PUT", "power", "{\"overhead\":0.5}", "overhead is 0.5; allowed is 1 to 10")]
    [InlineData("PUT", "power", "{\"siteCap\":5}", "siteCap")]
    [InlineData("PUT", "power", "{\"wattsPerGpu\":null}", "wattsPerGpu")]
    [InlineData("PUT", "power", "[]", "JSON object")]
    [InlineData("POST", "power/cap?watts=-5", "", "'-5'")]
    [InlineData("POST", "power/cap", "", "the cap is ''")]
    [InlineData("PUT", "cooling/a%20b", "{\"nodes\":[\"n\"],\"capacityWatts\":1}", "'a b'")]
    [InlineData("PUT", "cooling/a", "{\"nodes\":[\"n\"]}", "capacityWatts")]
    [InlineData("PUT", "cooling/a", "{\"nodes\":[\"*n\"],\"capacityWatts\":1}", "'*n'")]
    public async Task What_cannot_be_is_refused_with_the_value_and_changes_nothing(string method, string path, string body, string named)
    {
        using var http = new HttpClient(SiloHttp.CreateHandler());
        http.DefaultRequestHeaders.Authorization = new("Bearer", silo.Token);
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri($"{silo.Url}/api/v1/{path}")) { Content = content };
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(
            named, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["error"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Null((await client.GetPowerAsync()).Settings);
        Assert.Empty(await client.GetCoolingAsync());
    }
}
