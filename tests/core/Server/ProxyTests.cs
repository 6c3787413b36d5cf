using System.Net;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;
using Coordinator.Worker.Agent;

namespace Coordinator.Tests.Server;

public sealed class ProxyTests
{
    private const string Silo = "http://silo.example:7070";

    [Fact]
    public async Task A_proxy_that_was_asked_for_is_gone_through_with_the_token()
    {
        await using var proxy = new CannedServer();
        using var client = new CoordinatorClient(Silo, TestServer.Token, new Uri(proxy.Url));

        await Assert.ThrowsAsync<CoordinatorApiException>(() => client.GetInfoAsync());

        var request = Assert.Single(proxy.Requests).Split('\n');
        Assert.Equal($"GET {Silo}/api/v1/info HTTP/1.1", request[0]);
        Assert.Contains($"Authorization: Bearer {TestServer.Token}", request);
    }

    [Fact]
    public async Task A_workers_download_goes_through_the_proxy_that_was_asked_for()
    {
        await using var proxy = new CannedServer();
        using var http = SiloHttp.Create(new Uri(proxy.Url));
        var files = new SiloFiles([new Uri(Silo)], TestServer.Token, http);

        await Assert.ThrowsAsync<HttpRequestException>(() => files.FetchDataAsync("abc", new MemoryStream()));

        Assert.StartsWith($"GET {Silo}/api/v1/data/abc HTTP/1.1\n", Assert.Single(proxy.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silo_on_this_host_is_reached_without_the_proxy()
    {
        await using var proxy = new CannedServer();
        await using var silo = await TestServer.StartAsync();
        using var client = new CoordinatorClient(silo.Server.Url, TestServer.Token, new Uri(proxy.Url));

        Assert.Equal("silo", (await client.GetInfoAsync()).Silo);
        Assert.Empty(proxy.Requests);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_the_error_says_where_it_led()
    {
        await using var elsewhere = new CannedServer("HTTP/1.1 200 OK");
        await using var redirecting = new CannedServer($"HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere.Url}/api/v1/info");
        using var client = new CoordinatorClient(redirecting.Url, TestServer.Token);
        using var http = SiloHttp.Create();
        var files = new SiloFiles([new Uri(redirecting.Url)], TestServer.Token, http);

        var refused = await Assert.ThrowsAsync<CoordinatorApiException>(() => client.GetInfoAsync());
        await Assert.ThrowsAsync<HttpRequestException>(() => files.FetchDataAsync("abc", new MemoryStream()));

        Assert.Equal(
            (
                HttpStatusCode.TemporaryRedirect,
                $"{redirecting.Url} sends its callers on to {elsewhere.Url}/api/v1/info, and a token is not sent on"),
            (refused.Status, refused.Message));
        Assert.Empty(elsewhere.Requests);
    }
}
