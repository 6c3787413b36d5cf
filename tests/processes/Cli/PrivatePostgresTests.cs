using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;
using Coordinator.Server.Storage.Postgres;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>The database server of a run: it is there with the run and gone with it.</summary>
public sealed class PrivatePostgresTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public async Task It_flushes_what_it_acknowledges_and_listens_on_loopback_only()
    {
        await using var server = await PostgresProcess.StartAsync(
            RunDirectory.Create(folder.File("run")), _ => { }, () => true, CancellationToken.None);

        Assert.Equal(
            ["fsync on", "full_page_writes on", "listen_addresses 127.0.0.1", "synchronous_commit on"],
            await SettingsAsync(server.ConnectionString));
    }

    [PostgresFact]
    public async Task When_whoever_started_it_is_gone_it_ends_by_itself()
    {
        var server = await PrivatePostgres.CreateAsync(RunDirectory.Create(folder.File("run")), CancellationToken.None);
        try
        {
            // The death of a parent closes the pipe that it held; so does this, and nothing else is done to the process.
            using var child = ChildProcess.Start(server.Command(), folder.File("postgres.log"));
            await SettingsAsync(server.ConnectionString);
            await child.StopAsync(Limit);

            Assert.False((await child.WaitAsync()).Killed);
            using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await Assert.ThrowsAsync<SocketException>(() => probe.ConnectAsync(IPAddress.Loopback, PortOf(server.ConnectionString)));
        }
        finally
        {
            server.Remove();
        }
    }

    private static async Task<IReadOnlyList<string>> SettingsAsync(string database)
    {
        List<string> settings = [];
        await using var source = PostgresConnections.Create(database);
        await PostgresConnections.PrepareAsync(
            source,
            Limit,
            async connection =>
            {
                await using var ask = connection.CreateCommand();
                ask.CommandText = "SELECT name || ' ' || setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', "
                    + "'synchronous_commit', 'listen_addresses') ORDER BY name";
                await using var answer = await ask.ExecuteReaderAsync();
                while (await answer.ReadAsync())
                    settings.Add(answer.GetString(0));
            },
            CancellationToken.None);
        return settings;
    }

    private static int PortOf(string database) =>
        int.Parse(
            database.Split(';').Single(part => part.StartsWith("Port=", StringComparison.Ordinal))["Port=".Length..],
            CultureInfo.InvariantCulture);
}
