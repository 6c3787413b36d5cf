using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// A run that is asked to end, in whatever way and wherever it speaks to, saves its state, and says so. The whole life of a run, with kills
/// at two dozen points, is <c>bench lifecycle</c>.
/// </summary>
public sealed class LifeTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly string[] Tiny =
    [
        "--model.layers=1", "--model.heads=2", "--model.channels=16", "--model.block=16", "--training.batch_size=4", "--seed", "7",
    ];
    private static readonly string[] Endless =
    [
        "--data", Path.ChangeExtension(typeof(LifeTests).Assembly.Location, ".xml"), "--workers", "2", "--steps", "1000000", .. Tiny,
    ];

    private readonly string directory = Directory.CreateTempSubdirectory("life-").FullName;

    private Executable? silo;

    private string Run => Path.Combine(directory, "run");

    public void Dispose()
    {
        silo?.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("HUP")]
    [InlineData("USR1")]
    public async Task A_signal_to_the_whole_group_saves_and_exits_75(string signal)
    {
        using var train = new Executable(
            Executable.InGroup, ["train", .. Endless, "--work-dir", Run, "--out", Path.Combine(directory, "model")]);
        await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        train.SignalGroup(signal);

        Assert.True(await train.EndAsync(Limit) == ExitCodes.Retryable, train.Output);
        Assert.Contains($"To go on: coordinator resume {Run}", train.Output, StringComparison.Ordinal);
        Assert.Single(Saved());
    }

    [Fact]
    public async Task Without_a_work_directory_an_interrupted_run_keeps_its_folder_and_names_it()
    {
        using var train = new Executable(["train", .. Endless, "--out", Path.Combine(directory, "model")]);
        await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        train.Signal("INT");

        Assert.True(await train.EndAsync(Limit) == ExitCodes.Retryable, train.Output);
        var kept = (await train.LineAsync(
            line => line.StartsWith("To go on: coordinator resume ", StringComparison.Ordinal),
            "the command",
            Limit))["To go on: coordinator resume ".Length..];
        Assert.True(File.Exists(Path.Combine(kept, "run.json")));
        Directory.Delete(kept, recursive: true);
    }

    [Fact]
    public async Task With_checkpoints_off_an_interrupted_run_saves_nothing_and_does_not_say_so()
    {
        using var train = new Executable(
            ["train", .. Endless, "--checkpoint.interval=off", "--work-dir", Run, "--out", Path.Combine(directory, "model")]);
        await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        train.Signal("INT");

        Assert.True(await train.EndAsync(Limit) == ExitCodes.Interrupted, train.Output);
        Assert.Empty(Saved());
    }

    [Fact]
    public async Task A_second_signal_ends_at_once_what_cannot_be_saved()
    {
        using var train = new Executable(["train", .. Endless, "--work-dir", Run, "--out", Path.Combine(directory, "model")]);
        await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        int[] workers =
        [
            .. train.Output.Split('\n').Where(line =>
                line.Contains("worker-", StringComparison.Ordinal) && line.Contains(" started as process ", StringComparison.Ordinal))
                .Select(line => int.Parse(line[(line.LastIndexOf(' ') + 1)..])),
        ];
        foreach (var worker in workers)
            Executable.Send("STOP", worker);
        train.Signal("TERM");
        await train.LineAsync(line => line.Contains("a second signal ends at once", StringComparison.Ordinal), "the save to begin", Limit);

        // What comes within half a second of the first is its echo.
        var ended = train.EndAsync(Limit);
        while (await Task.WhenAny(ended, Task.Run(() => train.Signal("TERM"))) != ended)
        {
        }

        Assert.True(await ended == ExitCodes.Terminated, train.Output);
        Assert.Empty(Saved());

        // A process that is stopped does not see that its parent is gone.
        Assert.Equal(2, workers.Length);
        Assert.True(await Task.Run(() => SpinWait.SpinUntil(() => !workers.Any(Executable.IsAlive), Limit)), "a worker was left behind");
    }

    [Fact]
    public async Task With_its_output_on_a_full_disk_a_run_trains_on_and_still_saves_when_the_group_is_asked_to_end()
    {
        var (port, token) = (FreePorts.Next(), Path.Combine(Run, "token"));
        Directory.CreateDirectory(Run);
        var secret = SiloToken.LoadOrCreate(token);
        using var train = new Executable(
            Executable.InGroupWithFullDisk,
            ["train", .. Endless, "--port", $"{port}", "--work-dir", Run, "--out", Path.Combine(directory, "model")]);
        using (var client = new CoordinatorClient($"http://127.0.0.1:{port}", secret))
        {
            var calls = new SiloCalls(client, cluster: null);
            for (var after = 0L; ;)
            {
                var page = await calls.AskAsync(
                    (silo, cancel) => silo.GetEventsAsync(null, after, wait: TimeSpan.FromSeconds(5), cancel: cancel),
                    CancellationToken.None).WaitAsync(Limit);
                if (page.Items.Any(stored => stored.Event.Kind == EventKinds.GenerationRunning))
                    break;
                after = page.Next;
            }
        }

        train.SignalGroup("TERM");

        Assert.Equal(ExitCodes.Retryable, await train.EndAsync(Limit));
        Assert.Single(Saved());
    }

    [Fact]
    public async Task The_last_worker_that_is_asked_to_end_saves_and_another_goes_on_from_there()
    {
        var connection = await SiloAsync();
        string[] worker =
        [
            "worker", .. connection, "--node", "lonely", "--data-dir", directory, "--checkpoint-dir",
            Path.Combine(directory, "checkpoints"),
        ];
        using var train = new Executable([
            "train", .. connection, "--data", Endless[1], "--workers", "1", "--steps", "1000000", "--checkpoint.interval=1h", .. Tiny,
            "--out", Path.Combine(directory, "never"),
        ]);
        using (var first = new Executable(worker))
        {
            await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            first.Signal("TERM");
            Assert.True(await first.EndAsync(Limit) == ExitCodes.Terminated, first.Output);
            Assert.True(first.Output.Contains("its state is saved", StringComparison.Ordinal), first.Output);
        }

        using var second = new Executable(worker);
        await train.LineAsync(
            line => line.Contains("back to the checkpoint of step", StringComparison.Ordinal), "the return to what was saved", Limit);

        // The job is the silo's: who stops looking leaves it running, and can fetch its model later.
        train.Signal("TERM");
        Assert.True(await train.EndAsync(Limit) == ExitCodes.Terminated, train.Output);
        using var download = new Executable(["download", .. connection, "--out", Path.Combine(directory, "model")]);
        Assert.True(await download.EndAsync(Limit) == ExitCodes.Unfinished, download.Output);
    }

    [Fact]
    public async Task The_model_of_a_job_that_nobody_stayed_with_can_be_fetched()
    {
        var connection = await SiloAsync();
        using var train = new Executable([
            "train", .. connection, "--data", Endless[1], "--workers", "1", "--steps", "100", .. Tiny, "--out",
            Path.Combine(directory, "followed"),
        ]);
        await train.LineAsync(line => line.Contains("waiting for 1 gpu", StringComparison.Ordinal), "the job to be stored", Limit);
        train.Kill();
        using var worker = new Executable(["worker", .. connection, "--node", "late", "--data-dir", directory]);
        using var download = new Executable(["download", .. connection, "--wait", "--out", Path.Combine(directory, "model")]);

        Assert.True(await download.EndAsync(Limit) == ExitCodes.Success, download.Output);
        Assert.Equal($"{Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(directory, "model"))))}  "
            + $"{Path.Combine(directory, "model")}\n", download.Output);
    }

    [Fact]
    public async Task A_result_that_cannot_be_written_is_an_error()
    {
        using var listing = new Executable(["sh", "-c", "exec \"$0\" \"$@\" > /dev/full"], "chaos", "--list");

        Assert.Equal(ExitCodes.RunFailed, await listing.EndAsync(Limit));
        Assert.StartsWith("error: the output cannot be written: ", listing.Output, StringComparison.Ordinal);
    }

    /// <summary>A silo that is nobody's child.</summary>
    /// <returns>How it is reached.</returns>
    private async Task<string[]> SiloAsync()
    {
        var token = Path.Combine(directory, "token");
        silo = new Executable("silo", "--data-dir", directory, "--token-file", token, "--url", "http://127.0.0.1:0");
        var url = (await silo.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the silo", Limit))["ready ".Length..];
        return ["--silo", url, "--token-file", token];
    }

    /// <summary>Complete checkpoints in the run's folder.</summary>
    private string[] Saved()
    {
        var folder = Path.Combine(Run, "checkpoints");
        return !Directory.Exists(folder) ? []
            : [.. Directory.GetDirectories(folder).SelectMany(Directory.GetDirectories).Where(
                one => File.Exists(Path.Combine(one, CheckpointManifest.FileName)))];
    }
}
