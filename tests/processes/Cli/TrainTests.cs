using System.Security.Cryptography;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary><c>train</c> on a cluster of its own, and on one that was started by hand.</summary>
public sealed class TrainTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly string[] Tiny =
    [
        "--model.layers=1", "--model.heads=2", "--model.channels=32", "--model.block=32", "--training.batch_size=4",
    ];

    private readonly string directory = Directory.CreateTempSubdirectory("train-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task The_file_is_the_same_for_one_worker_and_for_two_with_two_ranks_each()
    {
        using var one = new Executable([
            "train", "--data", Data(), "--workers", "1", "--steps", "20", "--seed", "7", "--out", Path.Combine(directory, "one"), .. Tiny,
        ]);
        Assert.True(await one.EndAsync(Limit) == ExitCodes.Success, one.Output);
        using var four = new Executable([
            "train", "--data", Data(), "--workers", "2", "--gpus-per-worker", "2", "--steps", "20", "--seed", "7", "--out",
            Path.Combine(directory, "four"), .. Tiny,
        ]);
        Assert.True(await four.EndAsync(Limit) == ExitCodes.Success, four.Output);

        Assert.Equal(Hash("one"), Hash("four"));
        Assert.Contains($"{Hash("one")}  {Path.Combine(directory, "one")}\n", one.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_cluster_started_by_hand_the_view_says_when_all_workers_are_gone_and_cancel_ends_the_job()
    {
        var token = Path.Combine(directory, "token");
        using var silo = new Executable("silo", "--data-dir", directory, "--token-file", token, "--url", "http://127.0.0.1:0");
        var url = (await silo.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the silo", Limit))["ready ".Length..];
        using var worker = new Executable("worker", "--silo", url, "--token-file", token, "--node", "lonely", "--data-dir", directory);
        using var train = new Executable([
            "train", "--silo", url, "--token-file", token, "--data", Data(), "--workers", "1", "--steps", "1000000", "--out",
            Path.Combine(directory, "never"), .. Tiny,
        ]);
        await train.LineAsync(
            line => line.Contains("all ranks (1) have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        worker.Kill();
        await train.LineAsync(
            line => line.Contains("all workers are gone; the job waits for up to 10 min", StringComparison.Ordinal),
            "the view to say that nobody is left",
            Limit);

        using var cancel = new Executable(
            "cancel", "--silo", url, "--token-file", token, "--reason", "nobody \u001b[2Jis left\n12:00:00.0  a forged line\u202e");
        Assert.True(await cancel.EndAsync(Limit) == ExitCodes.Success, cancel.Output);
        Assert.True(await train.EndAsync(Limit) == ExitCodes.RunFailed, train.Output);
        Assert.False(File.Exists(Path.Combine(directory, "never")));

        // What a stranger wrote steers nothing and begins no line.
        Assert.Contains("cancelled: nobody \uFFFD[2Jis left 12:00:00.0  a forged line\uFFFD", train.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', train.Output);
        Assert.DoesNotContain("\n12:00:00.0  a forged line", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_class_that_no_worker_of_the_run_can_have_is_refused_before_anything_starts()
    {
        using var train = new Executable([
            "train", "--data", Data(), "--workers", "1", "--steps", "20", "--job.device_class=ilgpu-1.5.3-cuda", "--out",
            Path.Combine(directory, "never"), .. Tiny,
        ]);

        Assert.Equal(ExitCodes.Usage, await train.EndAsync(Limit));
        Assert.Contains(
            "error: The job is kept to devices of class ilgpu-1.5.3-cuda (job.device_class), and those of its workers are of class cpu-",
            train.Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("silo started", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_cannot_start_is_given_up_with_its_own_words()
    {
        // The folder that is to hold the first worker's data is a file.
        await File.WriteAllTextAsync(Path.Combine(directory, "worker-1"), "in the way");
        using var train = new Executable([
            "train", "--data", Data(), "--workers", "1", "--steps", "20", "--work-dir", directory, "--out",
            Path.Combine(directory, "never"), .. Tiny,
        ]);

        Assert.Equal(ExitCodes.Usage, await train.EndAsync(Limit));
        Assert.Contains("error: worker-1 ended with exit code 2 at its first start.", train.Output, StringComparison.Ordinal);
        Assert.Contains("its whole output is in", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_loss_that_runs_away_ends_the_job_at_its_step_and_says_what_to_do()
    {
        using var train = new Executable(
            "train", "--model.program=linear", "--workers", "1", "--steps", "500", "--optimizer.learning_rate=1e30",
                "--optimizer.gradient_clip=0", "--lr_scheduler.warmup_steps=0", "--out", Path.Combine(directory, "never"));

        Assert.True(await train.EndAsync(Limit) == ExitCodes.RunFailed, train.Output);
        Assert.Matches(
            @"error: Job \S+ failed at step (\d+) of 500: the (loss|gradient norm) of step \1 is (NaN|Infinity), "
                + "so the model learns nothing more",
            train.Output);
        Assert.Contains(
            "lower optimizer.learning_rate (now 1E+30) or set optimizer.gradient_clip to 1 and train again, or set "
                + "training.allow_nonfinite to true", train.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(directory, "never")));
    }

    [Fact]
    public async Task A_last_update_that_leaves_no_numbers_makes_no_model()
    {
        // Its loss and its gradient norm are of the parameters before it, which are numbers.
        using var train = new Executable(
            "train", "--model.program=linear", "--workers", "1", "--steps", "1", "--optimizer.learning_rate=3e38",
                "--lr_scheduler.min_learning_rate=3e38", "--optimizer.weight_decay=10", "--lr_scheduler.warmup_steps=0",
                "--out", Path.Combine(directory, "never"));

        Assert.True(await train.EndAsync(Limit) == ExitCodes.RunFailed, train.Output);
        Assert.Matches(
            @"error: Job \S+ failed at step 1 of 1: step 1 has made 129 of the model's parameters infinite or no number", train.Output);
        Assert.False(File.Exists(Path.Combine(directory, "never")));
    }

    private static string Data() => Path.ChangeExtension(typeof(TrainTests).Assembly.Location, ".xml");

    private string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(directory, file))));
}
