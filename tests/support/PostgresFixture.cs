using Coordinator.Runs.Clusters;

namespace Coordinator.Tests.Support;

/// <summary>A PostgreSQL server of the tests' own, and a database in it for each of them.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private readonly RunDirectory directory = RunDirectory.Create(null);
    private PostgresProcess? server;
    private int databases;

    public async Task InitializeAsync()
    {
        if (PrivatePostgres.IsInstalled)
            server = await PostgresProcess.StartAsync(directory, _ => { }, () => true, CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
        directory.RemoveIfTemporary();
    }

    /// <summary>Connection string of a fresh database.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref databases)}";
        await using var source = Coordinator.Server.Storage.Postgres.PostgresConnections.Create(server!.ConnectionString);
        await Coordinator.Server.Storage.Postgres.PostgresConnections.PrepareAsync(
            source,
            TimeSpan.FromSeconds(30),
            async connection =>
            {
                await using var create = connection.CreateCommand();
                create.CommandText = $"CREATE DATABASE {name}";
                await create.ExecuteNonQueryAsync();
            },
            CancellationToken.None);
        return server.ConnectionString.Replace("Database=postgres", $"Database={name}", StringComparison.Ordinal);
    }
}
