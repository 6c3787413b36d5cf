using System.Globalization;
using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Runs.Processes;
using Coordinator.Silo;
using Coordinator.Silo.Hosting;
using Coordinator.Silo.Storage;
using Coordinator.Tests.Orleans.Storage;
using Coordinator.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Configuration;
using Orleans.Storage;

namespace Coordinator.Tests.Orleans.Postgres;

/// <summary>Orleans' AdoNet providers on our schema: membership, grain storage and reminders.</summary>
public sealed class PostgresClusterTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    [PostgresFact]
    public async Task Silos_with_one_database_are_one_cluster_and_a_job_has_a_reminder()
    {
        var database = await postgres.CreateDatabaseAsync();
        var folder = Directory.CreateTempSubdirectory("coordinator-silos-").FullName;
        await using var first = await StartAsync(database, folder, "silo-1");
        await using var second = await StartAsync(database, folder, "silo-2");
        using var client = new Coordinator.Server.Client.CoordinatorClient(
            $"{first.Url},{second.Url}", Coordinator.Server.Hosting.SiloToken.Load(Path.Combine(folder, "token")));

        var job = await client.SubmitAsync(new Machines.Jobs.JobSpec { Model = new Machines.Jobs.ModelSpec { Program = "linear" } });

        Assert.Equal(job.Id, Assert.Single(await client.GetJobsAsync()).Id);

        // Grains of different types keep rows of their own, also where their keys are the same.
        await client.SubmitAsync(
            new Machines.Jobs.JobSpec { Model = new Machines.Jobs.ModelSpec { Program = "linear" } }, new Machines.JobId("cluster"));
        Assert.Equal("2", await AskAsync(database, "SELECT count(*)::text FROM grain_storage WHERE key = 'cluster'"));
        Assert.Equal("2", await AskAsync(database, "SELECT count(*)::text FROM silo_member WHERE status = 3"));
        Assert.Equal("wake", await AskAsync(database, "SELECT DISTINCT name FROM grain_reminder"));
        Assert.Equal(
            "1",
            await AskAsync(database, "SELECT count(*)::text FROM grain_storage WHERE grain_type = 'trainingjob' AND key <> 'cluster'"));
        await first.StopAsync();

        // The job's grain, wherever it was, is loaded by the one that is left.
        Assert.Equal("waiting", (await client.GetJobAsync(job.Id))!.Phase);
        await client.CancelJobAsync(job.Id, "enough");
    }

    [PostgresFact]
    public async Task Of_two_writes_that_rest_on_one_version_the_second_is_refused_on_postgresql()
    {
        var database = await postgres.CreateDatabaseAsync();
        await OrleansSchema.ApplyToPostgresAsync(database);
        await StorageRace.RunAsync(PostgresSiloStore.Invariant, database);
    }

    [PostgresFact]
    public async Task The_schema_is_applied_once_however_many_silos_begin()
    {
        var database = await postgres.CreateDatabaseAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OrleansSchema.ApplyToPostgresAsync(database)));

        Assert.Equal("3", await AskAsync(database, "SELECT count(*)::text FROM orleans_schema_version"));
        Assert.Equal("20", await AskAsync(database, "SELECT count(*)::text FROM OrleansQuery"));
    }

    [PostgresFact]
    public async Task A_silo_does_not_start_beside_silos_whose_messages_are_others_and_starts_when_they_are_gone()
    {
        var database = await postgres.CreateDatabaseAsync();
        await OrleansSchema.ApplyToPostgresAsync(database);
        await AskAsync(database, """
            DELETE FROM orleans_schema_version WHERE version > 2;
            INSERT INTO silo_membership (cluster) VALUES ('test');
            INSERT INTO silo_member (cluster, address, port, generation, name, host, status, started_at, alive_at) VALUES ('test', '10.0.0.1', 1, 1, 'silo-old', 'h', 3, now(), now() + interval '1 hour');
            SELECT 'done'
            """);

        var refusal = await Assert.ThrowsAsync<OlderSilosException>(
            () => OrleansSchema.ApplyToPostgresAsync(database, patience: TimeSpan.Zero));
        Assert.Contains("silo-old", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("2", await AskAsync(database, "SELECT max(version)::text FROM orleans_schema_version"));

        await AskAsync(database, "UPDATE silo_member SET status = 6; SELECT 'done'");
        await OrleansSchema.ApplyToPostgresAsync(database, patience: TimeSpan.Zero);
        Assert.Equal("3", await AskAsync(database, "SELECT max(version)::text FROM orleans_schema_version"));
    }

    [PostgresFact]
    public async Task A_gpu_with_a_row_is_read_and_one_without_is_known_to_have_none_on_postgresql()
    {
        var database = await postgres.CreateDatabaseAsync();
        await OrleansSchema.ApplyToPostgresAsync(database);
        await ReadGpusAsync(database);
    }

    private static async Task ReadGpusAsync(string database)
    {
        using var host = new HostBuilder().UseOrleans(silo => silo
            .UseLocalhostClustering(FreePorts.Next(), FreePorts.Next(), serviceId: "test", clusterId: "test")
            .AddAdoNetGrainStorageAsDefault((AdoNetGrainStorageOptions options) => (
                options.Invariant,
                options.ConnectionString,
                options.GrainStorageSerializer) = (PostgresSiloStore.Invariant, database, new StateSerializer()))).Build();
        await host.StartAsync();
        await using var gpus = new StoredGpus(database, "test");
        var storage = new SparseGrainStorage(host.Services.GetRequiredKeyedService<IGrainStorage>("Default"), gpus);
        var (ill, well) = (GrainId.Create("gpu", "n1/0"), GrainId.Create("gpu", "n1/1"));
        var read = new GrainState<StoredMachine>(new StoredMachine { Json = "left from before" });
        await storage.ReadStateAsync(GrainNames.Gpu, ill, read);
        Assert.Equal((null, null, false), (read.State!.Json, read.ETag, read.RecordExists));

        read.State = new StoredMachine { Json = "ill", Incarnation = 1 };
        await storage.WriteStateAsync(GrainNames.Gpu, ill, read);
        var again = new GrainState<StoredMachine>(new StoredMachine());
        await storage.ReadStateAsync(GrainNames.Gpu, ill, again);
        Assert.Equal(("ill", read.ETag, true), (again.State!.Json, again.ETag, again.RecordExists));
        await storage.ReadStateAsync(GrainNames.Gpu, well, again);
        Assert.Equal((null, null, false), (again.State!.Json, again.ETag, again.RecordExists));

        // Whoever was told that there is no row, and writes, loses to who wrote one meanwhile.
        var late = new GrainState<StoredMachine>(new StoredMachine { Json = "late" });
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(GrainNames.Gpu, ill, late));
        await host.StopAsync();
    }

    private static Task<OrleansSilo> StartAsync(string database, string folder, string name) => OrleansSilo.StartAsync(
        new SiloSettings
        {
            DataDirectory = folder,
            Url = "http://127.0.0.1:0",
            Name = name,
            Database = database,
            Cluster = "test",
            SiloPort = FreePorts.Next(),
            GatewayPort = FreePorts.Next(),
        },
        NullLoggerFactory.Instance);

    private static async Task<string> AskAsync(string database, string sql)
    {
        await using var source = Coordinator.Server.Storage.Postgres.PostgresConnections.Create(database);
        await using var command = source.CreateCommand(sql);
        return Convert.ToString(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture)!;
    }
}
