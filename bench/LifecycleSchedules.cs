using System.Globalization;
using Coordinator.Runs.Processes;

namespace Coordinator.Bench;

/// <summary>
/// A row of the table: what is trained, and what is done to it. Whatever is left unfinished when it returns is finished by the supervisor.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Job">What is trained.</param>
/// <param name="About">What is done, in a line.</param>
/// <param name="Act">Starts the first command, and does it.</param>
internal sealed record LifecycleSchedule(string Name, LifecycleJob Job, string About, Func<Life, Task> Act)
{
    /// <summary>Further arguments of <c>train</c>.</summary>
    public IReadOnlyList<string> More { get; init; } = [];
}

/// <summary>
/// Kills over the whole life of a <c>train</c>: before its job is stored, during upload, training, saving, download, resuming.
/// </summary>
internal static class LifecycleSchedules
{
    private const int Retryable = 75;

    public static readonly IReadOnlyList<LifecycleSchedule> All =
    [
        new(
            "silo-starting",
            LifecycleJob.Small,
            "each silo is killed as soon as it is there, seven times, before any has said that it listens",
            async life =>
            {
                life.Train();
                await EachAsync(life, 7, () => life.Now.Silos, "silo");
            }),

        new("all-before-stored", LifecycleJob.Small, "everything is killed as soon as there is a silo", async life =>
        {
            life.Train();
            await life.UntilAsync("a silo", () => life.Now.Silos.Count > 0);
            life.KillGroup();
        }),

        new("silo-in-upload", LifecycleJob.MuchData, "the silo is killed while the data is on its way to it, three times", async life =>
        {
            life.Train();
            for (var kill = 0; kill < 3; kill++)
            {
                await life.UntilAsync("an upload", () => Uploads(life, "data") && life.Now.Silos.Count == 1, sharp: true);
                var silo = life.Now.Silos[0];
                LifecycleProcess.Signal([silo], Life.Kill);
                life.Note("SIGKILL to the silo in the upload");
                await life.UntilAsync("the next silo", () => life.Now.Silos is [int next] && next != silo);
            }
        }),

        new("all-in-upload", LifecycleJob.MuchData, "everything is killed while the data is on its way", async life =>
        {
            life.Train();
            await life.UntilAsync("an upload", () => Uploads(life, "data"), sharp: true);
            life.KillGroup();
        }),

        new(
            "term-in-upload",
            LifecycleJob.MuchData,
            "SIGTERM to the group while the data is on its way: nothing is saved, and nothing says so",
            async life =>
            {
                life.Train();
                await life.UntilAsync("an upload", () => Uploads(life, "data"), sharp: true);
                life.Now.SignalGroup(Life.Term);
                life.Note("SIGTERM to all in the upload");
                await life.EndAsync(143);
            }),

        new(
            "silo-at-submission",
            LifecycleJob.Small,
            "the silo is killed as soon as it has the data: before, while or after it stores the job",
            async life =>
            {
                life.Train();
                await life.UntilAsync("the data at the silo", () => Stored(life, "data", "*.bin"), sharp: true);
                await Task.Delay(life.Draw.Below(12), life.Cancel);
                LifecycleProcess.Signal(life.Now.Silos, Life.Kill);
                life.Note("SIGKILL to the silo at the submission");
            }),

        new(
            "silo-at-every-start",
            LifecycleJob.Lasting,
            "in the middle of training the silo is killed, and then each one that follows as soon as it is there, six times",
            async life =>
            {
                life.Train();
                await life.StepAsync(2);
                await EachAsync(life, 7, () => life.Now.Silos, "silo");
            }),

        new(
            "worker-at-every-start",
            LifecycleJob.Lasting,
            "a worker is killed, and then each one that follows as soon as it is there, six times",
            async life =>
            {
                life.Train();
                await life.StepAsync(2);
                var stays = life.Now.Workers[life.Draw.Below(2)];
                await EachAsync(life, 7, () => [.. life.Now.Workers.Where(worker => worker != stays)], "worker");
            }),

        new("workers-and-silo", LifecycleJob.Small, "all workers and the silo are killed at once, and the command is not", async life =>
        {
            life.Train();
            await life.LineAsync("checkpoint of step");
            LifecycleProcess.Signal([.. life.Now.Workers, .. life.Now.Silos], Life.Kill);
            life.Note("SIGKILL to silo and workers");
        }),

        new("silo-in-saving", LifecycleJob.LargeModel, "the silo is killed while a checkpoint is written", async life =>
        {
            life.Train();
            await life.UntilAsync("parts on their way", () => IsSaving(life), sharp: true);
            LifecycleProcess.Signal(life.Now.Silos, Life.Kill);
            life.Note("SIGKILL to the silo in the saving");
        }),

        new("all-in-saving", LifecycleJob.LargeModel, "everything is killed while a checkpoint is written", async life =>
        {
            life.Train();
            await life.UntilAsync("parts on their way", () => IsSaving(life), sharp: true);
            life.KillGroup();
        }),

        new(
            "term",
            LifecycleJob.Unsaved,
            "SIGTERM to the group, as a terminal's shell, systemd and Slurm do",
            life => AskedAsync(life, Life.Term, "SIGTERM", Retryable)),

        new("interrupt", LifecycleJob.Unsaved, "Ctrl-C: SIGINT to the group", life => AskedAsync(life, Life.Int, "SIGINT", Retryable)),

        new(
            "hang-up",
            LifecycleJob.Unsaved,
            "the terminal closes: SIGHUP to the group",
            life => AskedAsync(life, Life.Hup, "SIGHUP", Retryable)),

        new(
            "warned",
            LifecycleJob.Unsaved,
            "SIGUSR1 to the group, Slurm's warning",
            life => AskedAsync(life, Life.Usr1, "SIGUSR1", Retryable)),

        new(
            "term-then-silo",
            LifecycleJob.LargeModel,
            "SIGTERM to the group, and the silo is killed before the state is saved",
            async life =>
            {
                life.Train();
                await life.LineAsync("have applied step 1");
                life.Now.SignalGroup(Life.Term);
                life.Note("SIGTERM to all");
                await life.LineAsync("asked to end");
                LifecycleProcess.Signal(life.Now.Silos, Life.Kill);
                life.Note("SIGKILL to the silo");
            }),

        new(
            "term-twice",
            LifecycleJob.LargeModel,
            "SIGTERM, and again after a second, with frozen workers that can save nothing: the second ends at once",
            async life =>
            {
                life.Train();
                await life.LineAsync("have applied step 1");
                LifecycleProcess.Signal(life.Now.Workers, 19);
                var command = life.Now.Command ?? throw new LifeException("there is no command");
                LifecycleProcess.Signal([command], Life.Term);
                await life.LineAsync("asked to end");
                await Task.Delay(1000, life.Cancel);
                LifecycleProcess.Signal([command], Life.Term);
                life.Note("SIGTERM twice, workers frozen");
                await life.EndAsync(143);
            }),

        new(
            "timeout",
            LifecycleJob.Lasting,
            "each command under 'timeout 15', which sends SIGTERM to process and group, until it has finished",
            life =>
            {
                life.Wrapper = ["timeout", "--preserve-status", "--signal", "TERM", "15"];
                life.Train();
                return Task.CompletedTask;
            }),

        new("silo-in-download", LifecycleJob.LargeModel, "the silo is killed while the model is on its way to its file", async life =>
        {
            life.Train();
            await life.UntilAsync("the download", () => Parts(life).Length > 0, sharp: true);
            LifecycleProcess.Signal(life.Now.Silos, Life.Kill);
            life.Note("SIGKILL to the silo in the download");
        }),

        new("all-in-download", LifecycleJob.LargeModel, "everything is killed while the model is on its way to its file", async life =>
        {
            life.Train();
            await life.UntilAsync("the download", () => Parts(life).Length > 0, sharp: true);
            life.KillGroup();
        }),

        new("silo-takes-model", LifecycleJob.LargeModel, "the silo is killed while a worker brings it the model", async life =>
        {
            life.Train();
            await life.UntilAsync("the model on its way", () => Uploads(life, "models"), sharp: true);
            LifecycleProcess.Signal(life.Now.Silos, Life.Kill);
            life.Note("SIGKILL to the silo that takes the model");
        }),

        new(
            "all-in-resume",
            LifecycleJob.Small,
            "everything is killed in training, and then again as soon as 'resume' has a worker, and when it has read the checkpoint",
            async life =>
            {
                life.Train();
                await life.LineAsync("checkpoint of step");
                life.KillGroup();
                await life.Now.EndAsync(life.Cancel);
                life.Resume();
                await life.UntilAsync("a worker", () => life.Now.Workers.Count > 0);
                life.KillGroup();
                await life.Now.EndAsync(life.Cancel);
                life.Resume();
                await life.LineAsync("back to the checkpoint of step");
                life.KillGroup();
            }),

        new(
            "port",
            LifecycleJob.Small,
            "with --port: the command alone is killed, and its silo still listens when the next one starts",
            async life =>
            {
                life.Train();
                await life.LineAsync("checkpoint of step");
                LifecycleProcess.Signal([life.Now.Command!.Value], Life.Kill);
                life.Note("SIGKILL to the command");
            })
        { More = ["--port", FreePort()] },

        new("full-disk", LifecycleJob.Small, "standard output and error on a full disk, then SIGTERM to the group", async life =>
        {
            life.Output = "/dev/full";
            life.Train();
            await life.UntilAsync("a complete checkpoint", () => Manifests(life) > 0);
            life.Now.SignalGroup(Life.Term);
            life.Note("SIGTERM to all");
            await life.EndAsync(Retryable);
            life.Output = null;
        }),
    ];

    private static string FreePort() => FreePorts.Next().ToString(CultureInfo.InvariantCulture);

    /// <summary>Asked to end, it saves where it is and says so; nothing is lost but what the save itself was ahead of.</summary>
    private static async Task AskedAsync(Life life, int signal, string name, int expected)
    {
        life.Train();
        await life.StepAsync(2 + life.Draw.Below(300));
        life.Now.SignalGroup(signal);
        life.Note($"{name} to all");
        await life.EndAsync(expected);
        if (!life.Now.Output.Contains("is saved", StringComparison.Ordinal))
            throw new LifeException($"it does not say what is saved:\n{life.Now.Output}");
    }

    /// <summary>Kills whoever is there, and whoever comes in its place.</summary>
    private static async Task EachAsync(Life life, int kills, Func<IReadOnlyList<int>> who, string name)
    {
        HashSet<int> killed = [];
        while (killed.Count < kills)
        {
            await life.UntilAsync($"{name} number {killed.Count + 1}", () => who().Any(pid => !killed.Contains(pid)));
            int[] there = [.. who().Where(pid => !killed.Contains(pid))];
            LifecycleProcess.Signal(there, Life.Kill);
            killed.UnionWith(there);
        }

        life.Note($"SIGKILL to {kills} {name}s, each as soon as it was there");
    }

    private static bool Uploads(Life life, string store) => Stored(life, store, "*.upload");

    private static bool Stored(Life life, string store, string pattern)
    {
        try
        {
            return Directory.EnumerateFiles(Path.Combine(life.Directory, "silo", store), pattern).Any();
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
    }

    private static string[] Parts(Life life) => Directory.GetFiles(Path.GetDirectoryName(life.Model)!, "model.*.part");

    private static IEnumerable<string> Saved(Life life) =>
        Directory.Exists(life.Checkpoints) ? Directory.GetDirectories(life.Checkpoints).SelectMany(Directory.GetDirectories) : [];

    private static int Manifests(Life life) => Saved(life).Count(folder => File.Exists(Path.Combine(folder, "manifest.json")));

    private static bool IsSaving(Life life) => Saved(life).Any(folder => !File.Exists(Path.Combine(folder, "manifest.json")));
}
