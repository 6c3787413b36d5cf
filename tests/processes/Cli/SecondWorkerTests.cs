using Coordinator.Cli.Commands;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

public sealed class SecondWorkerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_second_worker_of_a_name_ends_while_the_first_is_heard_and_the_first_ends_where_a_person_insists()
    {
        using var folder = new TemporaryFolder();
        var silo = await TestSilo.StartAsync(folder.File("silo"));
        var token = folder.File("token");
        await File.WriteAllTextAsync(token, silo.Token);
        try
        {
            using var first = Worker("first");
            await first.LineAsync(IsReady, "the first worker", Limit);
            using var second = Worker("second");
            Assert.True(await second.EndAsync(Limit) == 2, second.Output);
            Assert.Contains("The node's name 'a' is another worker's", second.Output, StringComparison.Ordinal);

            using var third = Worker("third", "--replace");
            await third.LineAsync(IsReady, "the worker that insists", Limit);
            Assert.True(await first.EndAsync(Limit) == 1, first.Output);
            Assert.Contains("This worker is node 'a' no more", first.Output, StringComparison.Ordinal);

            // A process that is gone keeps nobody out.
            third.Kill();
            await third.EndAsync(Limit);
            using var again = Worker("first");
            await again.LineAsync(IsReady, "the first worker's next process", Limit);
        }
        finally
        {
            await silo.StopAsync();
        }

        Executable Worker(string store, params string[] more) =>
            new(["worker", "--silo", silo.Url, "--token-file", token, "--node", "a", "--data-dir", folder.File(store), .. more]);
    }

    [Fact]
    public async Task A_worker_that_can_never_be_let_in_ends_with_the_reason()
    {
        await using var silo = await TestServer.StartAsync();
        using var folder = new TemporaryFolder();
        var token = folder.File("token");
        await File.WriteAllTextAsync(token, "another-token-of-sixteen-letters-or-more");

        using var worker = new Executable(
            "worker", "--silo", silo.Server.Url, "--token-file", token, "--node", "a", "--data-dir", folder.File("a"));

        Assert.True(await worker.EndAsync(Limit) == 2, worker.Output);
        Assert.Contains("it refuses this worker's token (401)", worker.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--node", "a/b")]
    [InlineData("--node", "")]
    [InlineData("--node", "..")]
    public void A_name_that_no_node_can_have_is_refused_before_anything_is_started(string option, string value) =>
        Assert.StartsWith(
            $"'{value}' cannot be --node: a node's name ",
            Assert.Single(CommandLine.Create().Parse(["worker", option, value]).Errors).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("0.0.0.0:0", null, "Other workers cannot dial 0.0.0.0 (--data-address): it stands for all addresses of its own host.")]
    [InlineData("[::]:7071", null, "Other workers cannot dial :: (--data-address): it stands for all addresses of its own host.")]
    [InlineData("127.0.0.1:0", "0.0.0.0", "'0.0.0.0' cannot be --data-host: it stands for all addresses of its own host.")]
    [InlineData("127.0.0.1:0", "", "'' cannot be --data-host: it names no host.")]
    [InlineData("127.0.0.1:0", "no such host", "'no such host' cannot be --data-host: it is neither a host's name nor an IP address.")]
    [InlineData("127.0.0.1:0", "224.0.0.1", "'224.0.0.1' cannot be --data-host: it is a group's address and no host's.")]
    public void What_can_be_no_other_hosts_address_is_refused(string listen, string? host, string message)
    {
        var refused = Assert.Throws<CommandException>(() => DataAddressCheck.RefuseImpossible(System.Net.IPEndPoint.Parse(listen), host));

        Assert.Equal((2, message), (refused.ExitCode, refused.Message));
    }

    [Theory]
    [InlineData("127.0.0.1:0", null, "http://127.0.0.1:7070", false)]
    [InlineData("127.0.0.1:0", null, "http://192.0.2.1:7070", true)]
    [InlineData("[::1]:0", null, "http://192.0.2.1:7070", true)]
    [InlineData("0.0.0.0:0", "localhost", "http://192.0.2.1:7070", true)]
    [InlineData("127.0.0.1:0", "10.0.0.7", "http://192.0.2.1:7070", false)]
    public async Task A_loopback_address_is_refused_where_the_silo_is_on_another_host(
        string listen, string? host, string silo, bool isRefused)
    {
        var checking = DataAddressCheck.RefuseLoopbackToOthersAsync(System.Net.IPEndPoint.Parse(listen), host, [new Uri(silo)]);

        if (isRefused)
            Assert.Equal(2, (await Assert.ThrowsAsync<CommandException>(() => checking)).ExitCode);
        else
            await checking;
    }

    private static bool IsReady(string line) => line.StartsWith("ready ", StringComparison.Ordinal);
}
