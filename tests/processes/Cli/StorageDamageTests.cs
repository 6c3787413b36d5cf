using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// What becomes of a run's files on the disk costs no step as long as one sound copy is left, and is named where none is.
/// </summary>
public sealed class StorageDamageTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly string Text = Path.ChangeExtension(typeof(StorageDamageTests).Assembly.Location, ".xml");
    private static readonly string[] Job =
    [
        "--data", Text, "--seed", "7",
        "--model.layers=1", "--model.heads=2", "--model.channels=16", "--model.block=16", "--training.batch_size=4",
    ];

    private readonly string directory = Directory.CreateTempSubdirectory("damage-").FullName;

    private string Run => Path.Combine(directory, "run");

    private string Model => Path.Combine(directory, "model");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_pipe_for_a_part_costs_a_checkpoint_and_data_that_are_gone_everywhere_are_named_until_one_copy_is_back()
    {
        string undisturbed;
        using (var train = new Executable(["train", .. Job, "--steps", "800", "--workers", "1", "--out", Model]))
        {
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
            undisturbed = HashOf(Model);
        }

        using (var train = new Executable(
            ["train", .. Job, "--steps", "800", "--workers", "2", "--checkpoint.interval=40", "--work-dir", Run, "--out", Model]))
        {
            await train.LineAsync(
                line => line.Contains("checkpoint of step", StringComparison.Ordinal) && Saved().Count >= 2, "two checkpoints", Limit);
            train.Kill();
            await train.EndAsync(Limit);
        }

        SpecialFiles.Put(Directory.GetFiles(Saved()[^1], "part-*")[0], "pipe");
        var copies = Directory.GetFiles(Run, "*.bin", SearchOption.AllDirectories);
        Assert.True(copies.Length >= 3, string.Join(' ', copies));
        var kept = Path.Combine(directory, "kept");
        File.Copy(copies[0], kept);
        foreach (var copy in copies)
            File.Delete(copy);
        using (var nowhere = new Executable("resume", Run))
        {
            Assert.True(await nowhere.EndAsync(Limit) == ExitCodes.RunFailed, nowhere.Output);
            Assert.Contains($"SHA-256 {HashOf(kept)}", nowhere.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("generation", nowhere.Output, StringComparison.Ordinal);
        }

        // One sound copy with one worker, and a damaged one with the silo.
        var name = Path.GetFileName(copies[0]);
        File.Copy(kept, Path.Combine(Run, "worker-2", name));
        await File.WriteAllTextAsync(Path.Combine(Run, "silo", "data", name), "damaged");
        using var resume = new Executable("resume", Run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Contains("cannot read the checkpoint of step", resume.Output, StringComparison.Ordinal);
        Assert.Contains("is a pipe and no file", resume.Output, StringComparison.Ordinal);
        Assert.Equal(undisturbed, HashOf(Model));
    }

    [Fact]
    public async Task A_byte_flipped_in_the_silos_store_heals_from_the_copy_of_whoever_submitted_the_job()
    {
        var store = Path.Combine(directory, "store");
        var url = $"http://127.0.0.1:{FreePort()}";
        string[] silo = ["--silo", url, "--token-file", Path.Combine(store, "token")];
        using var server = new Executable("silo", "--data-dir", store, "--url", url);
        await server.LineAsync(line => line.StartsWith("ready", StringComparison.Ordinal), "the silo", Limit);
        using var train = new Executable(["train", .. Job, "--steps", "20", .. silo, "--work-dir", Run, "--out", Model]);
        using (var client = new CoordinatorClient(url, SiloToken.Load(Path.Combine(store, "token"))))
            await SubmittedAsync(client).WaitAsync(Limit);
        var stored = Directory.GetFiles(Path.Combine(store, "data"), "*.bin").Single();
        var bytes = await File.ReadAllBytesAsync(stored);
        bytes[100] ^= 1;
        await File.WriteAllBytesAsync(stored, bytes);

        // Nobody has another copy yet: the workers are new.
        using var first = new Executable(["worker", .. silo, "--node", "a", "--data-dir", Path.Combine(directory, "a")]);
        using var second = new Executable(["worker", .. silo, "--node", "b", "--data-dir", Path.Combine(directory, "b")]);
        Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
        Assert.Equal(Path.GetFileNameWithoutExtension(stored), HashOf(stored));
        using var told = new Executable(["events", .. silo]);
        Assert.Equal(ExitCodes.Success, await told.EndAsync(Limit));
        Assert.Contains("is damaged and not served", told.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("000")]
    [InlineData("022")]
    public async Task Whatever_the_users_mask_a_run_is_its_owners_alone_and_only_the_model_is_made_as_the_user_makes_files(string mask)
    {
        using (var train = Executable.UnderMask(
            mask, ["train", .. Job, "--steps", "800", "--workers", "2", "--checkpoint.interval=40", "--work-dir", Run, "--out", Model]))
        {
            await train.LineAsync(line => line.Contains("checkpoint of step", StringComparison.Ordinal), "a checkpoint", Limit);
            AssertClosed();
            Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
        }

        AssertClosed();
        Assert.Equal(mask == "000" ? "0666" : "0644", RegularFile.FactsOf(Model)!.Value.Permissions);

        void AssertClosed()
        {
            string[] made = [Run, .. Directory.GetFileSystemEntries(Run, "*", SearchOption.AllDirectories)];
            Assert.True(made.Length > 10);
            Assert.Empty(made.Select(PrivateFiles.WhyOpen).OfType<string>());
        }
    }

    private static async Task SubmittedAsync(CoordinatorClient client)
    {
        // The silo answers when something is stored, so nothing is waited for by the clock.
        for (long after = 0; ;)
        {
            var page = await client.GetEventsAsync(null, after, wait: TimeSpan.FromSeconds(30));
            if (page.Items.Any(stored => stored.Event.Kind == Coordinator.Machines.EventKinds.JobSubmitted))
                return;
            after = page.Next;
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>Complete checkpoints in the run's folder, oldest first.</summary>
    private List<string> Saved() => !Directory.Exists(Path.Combine(Run, "checkpoints")) ? [] :
        [.. Directory.GetDirectories(Path.Combine(Run, "checkpoints")).SelectMany(Directory.GetDirectories)
            .Where(folder => File.Exists(Path.Combine(folder, CheckpointManifest.FileName))).Order(StringComparer.Ordinal)];

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
