using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Server.Client;
using Coordinator.Tests.Server;
using Coordinator.Tests.Support;
using Coordinator.Tests.Worker;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Cli;

/// <summary>Every call of a run waits for its silo, and goes on where the last one was cut off.</summary>
public sealed class SiloCallsTests : IAsyncLifetime
{
    private static readonly JobId Job = new("patient-1");
    private static readonly IEnumerable<(long FromClient, long FromServer)> AwayForLong = Enumerable.Repeat(FlakyProxy.Closed, 8);

    private TestServer silo = null!;

    public async Task InitializeAsync() => silo = await TestServer.StartAsync();

    public async Task DisposeAsync() => await silo.DisposeAsync();

    [Fact]
    public async Task A_model_whose_silo_dies_in_the_middle_is_fetched_on_from_there_when_it_is_back()
    {
        var (model, sha256) = MakeFile(400_000);
        var job = new JobView { Id = Job, Phase = "finished", Spec = new JobSpec(), ModelSha256 = sha256 };
        silo.Grains.Show(job);
        await silo.Client.UploadModelAsync(Job, model, sha256);
        await using var proxy = new FlakyProxy(silo.Server.Url, [(long.MaxValue, 100_000), .. AwayForLong]);
        using var client = new CoordinatorClient(proxy.Url, TestServer.Token);
        var output = silo.Folder.File("out/model");

        Assert.Equal(sha256, await new JobRun(
            client, "patient").DownloadAsync(job, OutputPath.Look("--out", output), CancellationToken.None).For("the model"));

        Assert.Equal(await File.ReadAllBytesAsync(model), await File.ReadAllBytesAsync(output));
        Assert.Equal([output], Directory.GetFiles(Path.GetDirectoryName(output)!));
        Assert.Equal(0, proxy.Left);
        Assert.Contains("Range: bytes=", proxy.Asked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_goes_on_brings_data_and_weights_again_to_a_silo_that_has_lost_them_and_waits_for_it()
    {
        using var directory = RunDirectory.Create(silo.Folder.File("run"));
        var (data, dataHash) = Freeze(40_000);
        var (weights, weightsHash) = Freeze(400_000);
        silo.Grains.Show(new JobView
        {
            Id = Job,
            Phase = "waiting",
            Spec = new JobSpec
            {
                Data = new DataSpec { Sha256 = dataHash, Bytes = 40_000 },
                Initial = new InitialSpec { Sha256 = weightsHash, Bytes = 400_000 },
            },
        });
        await using var proxy = new FlakyProxy(silo.Server.Url, [(100_000, long.MaxValue), .. AwayForLong]);
        using var client = new CoordinatorClient(proxy.Url, TestServer.Token);

        Assert.Equal(data, await FrozenCopies.RestoreAsync(new SiloCalls(client, cluster: null), Job, directory, CancellationToken.None)
            .For("the copies"));

        Assert.True(await silo.Client.HasDataAsync(dataHash) && await silo.Client.HasDataAsync(weightsHash));
        Assert.Equal(0, proxy.Left);

        (string Path, string Sha256) Freeze(int bytes)
        {
            var (made, sha256) = MakeFile(bytes);
            var path = DataStore.PathOf(directory.File("data"), sha256);
            Directory.CreateDirectory(directory.File("data"));
            File.Move(made, path);
            return (path, sha256);
        }
    }

    [Fact]
    public async Task Data_whose_silo_dies_in_the_middle_come_again_and_the_job_is_submitted_once()
    {
        silo.AcceptJobs();
        var (data, sha256) = MakeFile(400_000);
        await using var proxy = new FlakyProxy(silo.Server.Url, [(100_000, long.MaxValue), .. AwayForLong]);
        using var client = new CoordinatorClient(proxy.Url, TestServer.Token);
        using var enough = new CancellationTokenSource();

        var run = new JobRun(client, "patient") { Id = Job }.RunAsync(
            new JobSpec { Data = new DataSpec { Sha256 = sha256, Bytes = 400_000 } }, data, enough.Token);
        var submitted = await Task.WhenAny(silo.Grains.NextAsync<SubmitJob>(), run).For("the submission");
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);

        Assert.NotSame(run, submitted);
        Assert.True(await silo.Client.HasDataAsync(sha256));
        Assert.Equal([Job], (await silo.Client.GetJobsAsync()).Select(job => job.Id));
        Assert.Equal(0, proxy.Left);
    }

    [Fact]
    public async Task A_silo_that_died_before_it_stored_the_job_is_given_it_again()
    {
        var came = 0;
        silo.Grains.OnPost = (to, message) =>
        {
            silo.Store.Append(new CoordinatorEvent { Kind = EventKinds.JobSubmitted, Job = Job });
            if (++came == 2)
                silo.Grains.Show(new JobView { Id = Job, Phase = "waiting", Spec = ((SubmitJob)message).Spec });
        };
        using var enough = new CancellationTokenSource();
        var run = new JobRun(silo.Client, "patient") { Id = Job }.RunAsync(new JobSpec(), dataPath: null, enough.Token);

        await silo.Grains.NextAsync<SubmitJob>();
        await silo.Grains.NextAsync<SubmitJob>();
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task Where_patience_with_somebody_elses_silo_ends_the_error_says_what_is_safe_and_how_to_fetch_it()
    {
        await using var proxy = new FlakyProxy(silo.Server.Url, Enumerable.Repeat(FlakyProxy.Closed, 1000));
        using var client = new CoordinatorClient(proxy.Url, TestServer.Token);
        var calls = new SiloCalls(client, cluster: null) { Patience = TimeSpan.Zero, Remedy = () => "It is safe." };

        var away = await Assert.ThrowsAsync<CommandException>(
            () => calls.AskAsync((asked, cancel) => asked.GetInfoAsync(cancel), CancellationToken.None));

        Assert.Equal((ExitCodes.NotFound, "It is safe."), (away.ExitCode, away.Remedy));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_patience_counts_from_the_first_failure_since_something_moved(bool moved)
    {
        var attempts = 0;
        var calls = new SiloCalls(silo.Client, cluster: null)
        {
            Patience = TimeSpan.FromMilliseconds(700),
            MovingTime = moved ? TimeSpan.Zero : TimeSpan.FromHours(1),
        };
        Task<int> MoveAsync() => calls.MoveAsync(
            (_, _) => ++attempts < 8
                ? throw new CoordinatorApiException("cut off", "Wait.", new IOException("reset"))
                : Task.FromResult(attempts), CancellationToken.None);

        if (moved)
            Assert.Equal(8, await MoveAsync());
        else
            Assert.StartsWith("cut off (for ", (await Assert.ThrowsAsync<CommandException>(MoveAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_cannot_be_written_stays_at_the_silo_and_the_error_says_how_to_fetch_it()
    {
        var (model, sha256) = MakeFile(1000);
        var job = new JobView { Id = Job, Phase = "finished", Spec = new JobSpec(), ModelSha256 = sha256 };
        silo.Grains.Show(job);
        await silo.Client.UploadModelAsync(Job, model, sha256);

        // What is in the way came after the place was looked at.
        var output = OutputPath.Look("--out", Path.Combine(model + "-folder", "file"));
        File.Copy(model, model + "-folder");
        var refused = await Assert.ThrowsAsync<CommandException>(() => new JobRun(silo.Client, "patient")
        {
            Remedy = () => "coordinator resume DIR",
        }.DownloadAsync(job, output, CancellationToken.None));

        Assert.Equal("coordinator resume DIR", refused.Remedy);
    }

    [Fact]
    public void What_a_dead_process_left_of_a_file_is_removed_and_what_lives_stays()
    {
        var path = silo.Folder.File("model");
        var mine = PartialFiles.NameFor(path);
        var dead = mine.Replace($"-{Environment.ProcessId}.", "-999999999.", StringComparison.Ordinal);
        string[] strangers = [silo.Folder.File("model.elsewhere-999999999.part"), silo.Folder.File("model.part")];
        foreach (var file in (string[])[mine, dead, .. strangers])
            File.WriteAllText(file, "part");

        PartialFiles.Clean(path);

        Assert.Equal([true, false, true, true], ((string[])[mine, dead, .. strangers]).Select(File.Exists));
    }

    private (string Path, string Sha256) MakeFile(int bytes)
    {
        var path = silo.Folder.File($"made-{bytes}");
        var content = new byte[bytes];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(path, content);
        return (path, Convert.ToHexStringLower(SHA256.HashData(content)));
    }
}
