using Coordinator.Machines;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

public sealed class ProxyEnvironmentTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Proxies_of_the_environment_are_not_asked_and_do_not_see_the_token()
    {
        await using var proxy = new CannedServer();
        await using var silo = await TestServer.StartAsync();
        using var folder = new TemporaryFolder();
        var token = folder.File("token");
        await File.WriteAllTextAsync(token, TestServer.Token);
        var environment = new[] { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }.ToDictionary(
            name => name, _ => proxy.Url);
        environment["NO_PROXY"] = environment["no_proxy"] = "";

        using var jobs = new Executable(environment, "jobs", "--silo", silo.Server.Url, "--token-file", token);
        using var worker = new Executable(
            environment, "worker", "--silo", silo.Server.Url, "--token-file", token, "--node", "a", "--data-dir", folder.File("a"));
        var connected = silo.Grains.NextAsync<WorkerConnected>();

        Assert.True(await jobs.EndAsync(Limit) == 0, jobs.Output);
        Assert.Equal(new NodeId("a"), (await connected).Hello.Node);
        Assert.Empty(proxy.Requests);
    }

    [Theory]
    [InlineData("proxy.example:3128")]
    [InlineData("ftp://proxy.example")]
    [InlineData("")]
    public void What_is_no_address_of_a_proxy_is_refused(string text)
    {
        var parsed = Coordinator.Cli.Commands.CommandLine.Create().Parse(["jobs", "--silo", "http://127.0.0.1:1", "--proxy", text]);

        Assert.Equal(
            $"'{text}' is no address of a proxy; write http://HOST:PORT or socks5://HOST:PORT.", Assert.Single(parsed.Errors).Message);
    }
}
