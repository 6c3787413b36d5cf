using System.Security.Cryptography;
using Coordinator.Cli.Output;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Cli;

/// <summary>A run whose processes all died, or that was asked to end, goes on from its newest sound checkpoint to the same file.</summary>
[Collection("real processes")]
public sealed class ResumeTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly string[] Job =
    [
        "--data", Path.ChangeExtension(typeof(ResumeTests).Assembly.Location, ".xml"), "--steps", "1200", "--seed", "7",
        "--model.layers=1", "--model.heads=2", "--model.channels=16", "--model.block=16", "--training.batch_size=4",
    ];

    // The same for all of them, and trained once.
    private static readonly Lazy<Task<string>> Undisturbed = new(UndisturbedAsync);

    private readonly string directory = Directory.CreateTempSubdirectory("resume-").FullName;

    private string Run => Path.Combine(directory, "run");

    private string Checkpoints => Path.Combine(Run, "checkpoints");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Killed_all_at_once_and_with_the_newest_checkpoint_damaged_it_ends_with_the_undisturbed_file()
    {
        var undisturbed = await Undisturbed.Value;

        using (var train = new Executable(["train", .. Job, "--workers", "2", "--checkpoint.interval=40", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
        {
            await train.LineAsync(line => line.Contains("checkpoint of step", StringComparison.Ordinal) && Saved().Count >= 2, "two checkpoints", Limit);
            train.Kill();
            await train.EndAsync(Limit);
        }

        using (var verify = new Executable("checkpoint", "verify", "--dir", Checkpoints))
            Assert.True(await verify.EndAsync(Limit) == ExitCodes.Success, verify.Output);

        var newest = Directory.GetFiles(Saved()[^1], "part-*")[0];
        var bytes = await File.ReadAllBytesAsync(newest);
        bytes[^3] ^= 0x40;
        await File.WriteAllBytesAsync(newest, bytes);
        using (var verify = new Executable("checkpoint", "verify", "--dir", Checkpoints))
        {
            Assert.True(await verify.EndAsync(Limit) == ExitCodes.RunFailed, verify.Output);
            Assert.Contains($"{newest}: has SHA-256", verify.Output, StringComparison.Ordinal);
        }

        using var resume = new Executable("resume", Run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Contains("cannot read the checkpoint of step", resume.Output, StringComparison.Ordinal);
        Assert.Contains("back to the checkpoint of step", resume.Output, StringComparison.Ordinal);
        Assert.Equal(undisturbed, Hash("model"));
    }

    [Fact]
    public async Task Asked_to_end_it_saves_its_state_and_exits_75_and_resumed_it_ends_with_the_undisturbed_file()
    {
        var undisturbed = await Undisturbed.Value;

        // To all of its processes at once, as 'timeout', systemd, Slurm and a shell do.
        using (var train = new Executable(Executable.InGroup, ["train", .. Job, "--workers", "2", "--checkpoint.interval=off", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
        {
            await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            train.SignalGroup("TERM");
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Retryable, train.Output);
            Assert.Contains($"coordinator resume {Run}", train.Output, StringComparison.Ordinal);
        }

        Assert.Single(Saved());

        // What is given up says what is safe, and the command that goes on.
        Directory.Delete(Path.Combine(Run, "worker-1"), recursive: true);
        await File.WriteAllTextAsync(Path.Combine(Run, "worker-1"), "in the way");
        using (var given = new Executable("resume", Run))
        {
            Assert.True(await given.EndAsync(Limit) == ExitCodes.Usage, given.Output);
            Assert.Contains("is safe in", given.Output, StringComparison.Ordinal);
            Assert.Contains($"coordinator resume {Run}", given.Output, StringComparison.Ordinal);
        }

        File.Delete(Path.Combine(Run, "worker-1"));
        using var resume = new Executable("resume", Run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Contains("back to the checkpoint of step", resume.Output, StringComparison.Ordinal);
        Assert.Equal(undisturbed, Hash("model"));
    }

    [Fact]
    public async Task Killed_before_its_first_checkpoint_it_begins_again_from_the_seed()
    {
        var undisturbed = await Undisturbed.Value;
        using (var train = new Executable(["train", .. Job, "--workers", "2", "--checkpoint.interval=1h", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
        {
            await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            train.Kill();
            await train.EndAsync(Limit);
        }

        using var resume = new Executable("resume", Run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Equal(undisturbed, Hash("model"));
    }

    [Fact]
    public async Task What_is_no_runs_directory_is_refused()
    {
        using var resume = new Executable("resume", directory);
        Assert.Equal(ExitCodes.NotFound, await resume.EndAsync(Limit));
        Assert.Contains("run.json", resume.Output, StringComparison.Ordinal);

        Directory.CreateDirectory(Run);
        await File.WriteAllTextAsync(Path.Combine(Run, "run.json"), "{}");
        using var empty = new Executable("resume", Run);
        Assert.Equal(ExitCodes.Usage, await empty.EndAsync(Limit));
    }

    private static async Task<string> UndisturbedAsync()
    {
        var folder = Directory.CreateTempSubdirectory("undisturbed-").FullName;
        try
        {
            var model = Path.Combine(folder, "model");
            using var train = new Executable(["train", .. Job, "--workers", "1", "--out", model]);
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
            return HashOf(model);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Complete checkpoints in the run's folder, oldest first.</summary>
    private List<string> Saved() => !Directory.Exists(Checkpoints) ? [] :
        [.. Directory.GetDirectories(Checkpoints).SelectMany(Directory.GetDirectories).Where(folder => File.Exists(Path.Combine(folder, CheckpointManifest.FileName))).Order(StringComparer.Ordinal)];

    private string Hash(string file) => HashOf(Path.Combine(directory, file));

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
