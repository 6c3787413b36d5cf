using System.Security.Cryptography;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>A run whose processes all died, or that was asked to end, goes on from its newest sound checkpoint to the same file.</summary>
public sealed class ResumeTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly string[] Job =
    [
        "--data", Path.ChangeExtension(typeof(ResumeTests).Assembly.Location, ".xml"), "--steps", "3000", "--seed", "7",
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

        using (var train = new Executable(
            ["train", .. Job, "--workers", "2", "--checkpoint.interval=40", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
        {
            await train.LineAsync(
                line => line.Contains("checkpoint of step", StringComparison.Ordinal) && Saved().Count >= 2, "two checkpoints", Limit);
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
        using (var train = new Executable(
            Executable.InGroup,
            ["train", .. Job, "--workers", "2", "--checkpoint.interval=off", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
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
    public async Task Killed_before_its_first_checkpoint_it_begins_again_from_the_seed_also_with_fewer_workers()
    {
        var undisturbed = await Undisturbed.Value;
        using (var train = new Executable(
            ["train", .. Job, "--workers", "2", "--checkpoint.interval=1h", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
        {
            await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            train.Kill();
            await train.EndAsync(Limit);
        }

        using var resume = new Executable("resume", Run, "--workers", "1");
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Equal(undisturbed, Hash("model"));
    }

    [Fact]
    public async Task The_same_command_goes_on_with_the_run_of_its_directory_and_another_one_is_refused_and_changes_nothing()
    {
        var undisturbed = await Undisturbed.Value;
        var source = Path.Combine(directory, "text.xml");
        File.Copy(Job[1], source);
        string[] command =
        [
            "train", .. Job.Select(word => word == Job[1] ? source : word), "--workers", "2", "--checkpoint.interval=40", "--work-dir", Run,
            "--out", Path.Combine(directory, "model"),
        ];
        string[] other = [.. command, "--training.seed=8"];
        using (var train = new Executable(command))
        {
            await train.LineAsync(
                line => line.Contains("checkpoint of step", StringComparison.Ordinal) && Saved().Count >= 1, "a checkpoint", Limit);
            var whole = Record();
            using (var second = new Executable(other))
            {
                Assert.True(await second.EndAsync(Limit) == ExitCodes.Usage, second.Output);
                Assert.Contains($"error: Another coordinator command is at work in {Run}.", second.Output, StringComparison.Ordinal);
            }

            Assert.Equal(whole, Record());
            train.Kill();
            await train.EndAsync(Limit);
        }

        var before = Record();
        using (var refused = new Executable(other))
        {
            Assert.True(await refused.EndAsync(Limit) == ExitCodes.Usage, refused.Output);
            Assert.Contains("training.seed is 7 there and 8 here", refused.Output, StringComparison.Ordinal);
            Assert.Matches(@"its newest checkpoint is of step \d+", refused.Output);
            Assert.Contains($"coordinator resume {Run}", refused.Output, StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(
            Path.Combine(directory, "other.txt"), string.Concat(Enumerable.Repeat("other words than before\n", 40)));
        using (var otherData = new Executable([.. command.Select(word => word == source ? Path.Combine(directory, "other.txt") : word)]))
        {
            Assert.True(await otherData.EndAsync(Limit) == ExitCodes.Usage, otherData.Output);
            Assert.Contains("data.sha256 is", otherData.Output, StringComparison.Ordinal);
        }

        Assert.Equal(before, Record());

        // What the data were made from may be gone by now: the run has them.
        File.Delete(source);
        using (var again = new Executable(command))
        {
            Assert.True(await again.EndAsync(Limit) == ExitCodes.Success, again.Output);
            Assert.Contains("back to the checkpoint of step", again.Output, StringComparison.Ordinal);
        }

        Assert.Equal(undisturbed, Hash("model"));
        File.Delete(Path.Combine(directory, "model"));
        using (var finished = new Executable(command))
        {
            Assert.True(await finished.EndAsync(Limit) == ExitCodes.Success, finished.Output);
            Assert.Contains("has finished already; nothing is trained again", finished.Output, StringComparison.Ordinal);
        }

        // Nor does resume start anything.
        using (var resume = new Executable("resume", Run))
        {
            Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
            Assert.Equal($"already finished: {undisturbed}  {Path.Combine(directory, "model")}", resume.Output.Trim());
        }

        Assert.Equal(undisturbed, Hash("model"));
        using (var elsewhere = new Executable("resume", Run, "--workers", "1", "--out", Path.Combine(directory, "other")))
            Assert.True(await elsewhere.EndAsync(Limit) == ExitCodes.Success, elsewhere.Output);
        Assert.Equal(undisturbed, Hash("other"));
    }

    [Fact]
    public async Task A_model_that_cannot_be_written_at_the_end_is_kept_and_resume_writes_it_elsewhere()
    {
        var undisturbed = await Undisturbed.Value;
        using (var train = new Executable(
            ["train", .. Job, "--workers", "1", "--work-dir", Run, "--out", Path.Combine(directory, "model")]))
        {
            await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            Directory.CreateDirectory(Path.Combine(directory, "model"));
            Assert.True(await train.EndAsync(Limit) == ExitCodes.RunFailed, train.Output);
            Assert.Contains($"cannot be written to {Path.Combine(directory, "model")}", train.Output, StringComparison.Ordinal);
            Assert.Contains(
                $"The model is finished and safe in {Path.Combine(Run, "silo", "models")}", train.Output, StringComparison.Ordinal);
        }

        using var resume = new Executable("resume", Run, "--out", Path.Combine(directory, "other"));
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Equal(undisturbed, Hash("other"));
    }

    [Fact]
    public async Task A_job_that_starts_from_another_ones_weights_ends_the_same_with_one_worker_and_with_two_that_begin_again()
    {
        string[] job = [.. Job, "--init", Path.Combine(directory, "first"), "--training.steps=300"];
        using (var first = new Executable(
            ["train", .. Job, "--training.steps=20", "--workers", "1", "--out", Path.Combine(directory, "first")]))
        {
            Assert.True(await first.EndAsync(Limit) == ExitCodes.Success, first.Output);
        }
        using (var one = new Executable(["train", .. job, "--workers", "1", "--out", Path.Combine(directory, "one")]))
            Assert.True(await one.EndAsync(Limit) == ExitCodes.Success, one.Output);
        using (var two = new Executable(
            ["train", .. job, "--workers", "2", "--checkpoint.interval=1h", "--work-dir", Run, "--out", Path.Combine(directory, "two")]))
        {
            await two.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            two.Kill();
            await two.EndAsync(Limit);
        }

        File.Delete(Path.Combine(directory, "first"));
        using var resume = new Executable("resume", Run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Equal(Hash("one"), Hash("two"));
    }

    [Fact]
    public async Task A_run_that_was_killed_before_its_job_was_stored_is_begun_by_resume()
    {
        string[] command =
        [
            "train", .. Job, "--training.steps=20", "--workers", "1", "--work-dir", Run, "--out", Path.Combine(directory, "model"),
        ];
        using (var train = new Executable(command))
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
        var whole = Hash("model");

        // As it was before the silo had heard of the job.
        Directory.Delete(Path.Combine(Run, "silo"), recursive: true);
        File.Delete(Path.Combine(directory, "model"));
        using var resume = new Executable("resume", Run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Equal(whole, Hash("model"));
    }

    [Fact]
    public async Task A_finished_run_that_is_given_more_steps_and_workers_ends_as_though_it_had_always_had_them_and_its_command_knows_it()
    {
        string[] first =
        [
            "train", .. Job, "--training.steps=300", "--workers", "1", "--checkpoint.interval=40", "--work-dir", Run, "--out",
            Path.Combine(directory, "model"),
        ];
        using (var reference = new Executable([
            "train", .. Job, "--training.steps=450", "--lr_scheduler.decay_steps=300", "--workers", "1", "--out",
            Path.Combine(directory, "reference"),
        ]))
        {
            Assert.True(await reference.EndAsync(Limit) == ExitCodes.Success, reference.Output);
        }
        using (var train = new Executable(first))
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
        var before = Record();
        foreach (var (option, value) in new[] { ("--steps", "299"), ("--workers", "5") })
        {
            using var refused = new Executable("resume", Run, option, value);
            Assert.True(await refused.EndAsync(Limit) == ExitCodes.Usage, refused.Output);
            Assert.Equal(before, Record());
        }

        using (var longer = new Executable([.. first, "--training.steps=450"]))
        {
            Assert.True(await longer.EndAsync(Limit) == ExitCodes.Usage, longer.Output);
            Assert.Contains($"coordinator resume {Run} --steps 450", longer.Output, StringComparison.Ordinal);
        }

        using (var resume = new Executable("resume", Run, "--steps", "450", "--workers", "2", "--out", Path.Combine(directory, "longer")))
        {
            Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
            Assert.Contains("all 2 ranks have applied step", resume.Output, StringComparison.Ordinal);
        }

        Assert.Equal(Hash("reference"), Hash("longer"));
        Assert.NotEqual(Hash("reference"), Hash("model"));
        using (var again = new Executable(first))
        {
            Assert.True(await again.EndAsync(Limit) == ExitCodes.Success, again.Output);
            Assert.Contains("was given 450 steps by 'coordinator resume'", again.Output, StringComparison.Ordinal);
        }

        Assert.Equal(Hash("reference"), Hash("model"));
        using var other = new Executable([.. first, "--training.seed=8"]);
        Assert.True(await other.EndAsync(Limit) == ExitCodes.Usage, other.Output);
    }

    [Fact]
    public async Task A_run_that_was_killed_while_it_had_more_steps_goes_on_to_them_when_its_command_is_given_again()
    {
        string[] first =
        [
            "train", .. Job, "--workers", "2", "--checkpoint.interval=40", "--work-dir", Run, "--out", Path.Combine(directory, "model"),
        ];
        using (var train = new Executable(first))
        {
            await train.LineAsync(line => line.Contains("checkpoint of step", StringComparison.Ordinal), "a checkpoint", Limit);
            train.Kill();
            await train.EndAsync(Limit);
        }

        using (var resume = new Executable("resume", Run, "--steps", "3300", "--workers", "1", "--out", Path.Combine(directory, "other")))
        {
            await resume.LineAsync(
                line => line.Contains("have applied step", StringComparison.Ordinal) && Saved().Count > 0, "a step", Limit);
            resume.Kill();
            await resume.EndAsync(Limit);
        }

        using (var again = new Executable(first))
            Assert.True(await again.EndAsync(Limit) == ExitCodes.Success, again.Output);
        using (var reference = new Executable([
            "train", .. Job, "--training.steps=3300", "--lr_scheduler.decay_steps=3000", "--workers", "1", "--out",
            Path.Combine(directory, "reference"),
        ]))
        {
            Assert.True(await reference.EndAsync(Limit) == ExitCodes.Success, reference.Output);
        }
        Assert.Equal(Hash("reference"), Hash("model"));
        Assert.False(File.Exists(Path.Combine(directory, "other")));
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
        [.. Directory.GetDirectories(Checkpoints).SelectMany(Directory.GetDirectories)
            .Where(folder => File.Exists(Path.Combine(folder, CheckpointManifest.FileName))).Order(StringComparer.Ordinal)];

    /// <summary>What a refused command must leave as it was: the run's record, and its frozen data.</summary>
    private string[] Record() =>
        [File.ReadAllText(Path.Combine(Run, "run.json")), .. Directory.GetFiles(Path.Combine(Run, "data")).Order(StringComparer.Ordinal)];

    private string Hash(string file) => HashOf(Path.Combine(directory, file));

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
