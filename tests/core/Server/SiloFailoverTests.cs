using System.Net;
using System.Net.Sockets;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;
using Coordinator.Tests.Worker;

namespace Coordinator.Tests.Server;

/// <summary>A client that knows several silos, of which one does not answer.</summary>
public sealed class SiloFailoverTests : IAsyncLifetime
{
    private readonly TcpListener broken = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource over = new();
    private TestServer silo = null!;
    private int calls;
    private Task serving = Task.CompletedTask;

    private string BrokenUrl => $"http://{broken.LocalEndpoint}";

    public async Task InitializeAsync()
    {
        silo = await TestServer.StartAsync();
        broken.Start();
    }

    public async Task DisposeAsync()
    {
        await over.CancelAsync();
        broken.Stop();
        await serving.For("the end of the broken silo");
        over.Dispose();
        await silo.DisposeAsync();
    }

    [Fact]
    public async Task Where_nobody_listens_the_next_silo_is_asked_even_to_take_something_in()
    {
        broken.Stop();
        silo.AcceptJobs();
        using var client = new CoordinatorClient($"{BrokenUrl},{silo.Server.Url}", TestServer.Token);

        await client.SubmitAsync(new JobSpec());

        Assert.Single(await client.GetJobsAsync());
    }

    [Fact]
    public async Task A_question_that_a_silo_took_with_it_is_asked_of_the_next_one_which_is_remembered()
    {
        Serve(connection => connection.Close());
        using var client = new CoordinatorClient($"{BrokenUrl}, {silo.Server.Url}/", TestServer.Token);

        Assert.Equal("fake", (await client.GetInfoAsync()).Engine);
        var before = calls;
        Assert.Equal("fake", (await client.GetInfoAsync()).Engine);

        // The runtime's client tries a silo more than once by itself.
        Assert.True(before > 0);
        Assert.Equal(before, calls);
    }

    [Fact]
    public async Task What_a_silo_may_have_taken_in_before_it_died_is_not_sent_twice_by_itself()
    {
        Serve(connection => connection.Close());
        silo.AcceptJobs();
        using var client = new CoordinatorClient($"{BrokenUrl},{silo.Server.Url}", TestServer.Token);

        var away = await Assert.ThrowsAsync<CoordinatorApiException>(() => client.SubmitAsync(new JobSpec()));

        Assert.True(away.MayRepeat);
        Assert.Empty(await client.GetJobsAsync());
        await client.SubmitAsync(new JobSpec());
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task A_silo_that_breaks_off_its_answer_is_one_that_does_not_answer()
    {
        Serve(connection =>
        {
            connection.GetStream().Write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"silo\":"u8);
            connection.Close();
        });
        using var client = new CoordinatorClient(BrokenUrl, TestServer.Token);

        Assert.True((await Assert.ThrowsAsync<CoordinatorApiException>(() => client.GetInfoAsync())).MayRepeat);
        using var folder = new TemporaryFolder();
        Assert.True((await Assert.ThrowsAsync<CoordinatorApiException>(
            () => client.DownloadDataAsync(new string('a', 64), folder.File("data")))).MayRepeat);
    }

    [Fact]
    public async Task A_frozen_silo_costs_its_caller_patience_once()
    {
        // It takes the connection, and the system what is sent; nobody reads it.
        using var client = new CoordinatorClient($"{BrokenUrl},{silo.Server.Url}", TestServer.Token);
        using var patience = new CancellationTokenSource();
        var asked = client.GetInfoAsync(patience.Token);
        using var taken = await broken.AcceptTcpClientAsync().For("the connection");
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        Assert.Equal("fake", (await client.GetInfoAsync()).Engine);
    }

    [Fact]
    public async Task A_silo_that_says_it_cannot_answer_now_is_passed_over_and_its_word_counts_where_there_is_no_other()
    {
        Serve(connection =>
        {
            connection.GetStream().Write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8);
            connection.Close();
        });
        using var both = new CoordinatorClient($"{BrokenUrl},{silo.Server.Url}", TestServer.Token);
        using var alone = new CoordinatorClient(BrokenUrl, TestServer.Token);

        Assert.Equal("fake", (await both.GetInfoAsync()).Engine);
        Assert.False(await alone.IsHealthyAsync());
    }

    /// <summary>Reads each request's head and does something in its place.</summary>
    private void Serve(Action<TcpClient> answer) => serving = Task.Run(async () =>
    {
        try
        {
            while (true)
            {
                using var connection = await broken.AcceptTcpClientAsync(over.Token);
                var reader = new StreamReader(connection.GetStream());
                while (await reader.ReadLineAsync(over.Token) is { Length: > 0 })
                {
                }

                Interlocked.Increment(ref calls);
                answer(connection);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // The test is over.
        }
    });
}
