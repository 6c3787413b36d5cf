using System.CommandLine;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Cli.Commands;

/// <summary><c>checkpoint</c>: what was saved of a job, whether it is sound, and saving now.</summary>
public static class CheckpointCommand
{
    private static readonly IReadOnlyList<Column> Columns =
        [new("JOB"), new("STEP"), new("SIZE"), new("PARTS"), new("STATE"), new(
            "TIMELINE", true), new("GENERATION", true), new("NAME", true)];

    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>The command.</summary>
    public static Command Create() =>
        new("checkpoint", "List, verify and save checkpoints.") { CreateList(), CreateVerify(), CreateSave() };

    /// <summary>Asks a job for a checkpoint and waits until it is recorded.</summary>
    /// <exception cref="CommandException">The job ended first, or saving fails.</exception>
    public static async Task<CheckpointRef> SaveAsync(CoordinatorClient client, JobId job, string reason, CancellationToken cancel)
    {
        var before = await client.GetJobAsync(job, cancel);
        var newest = before is { Checkpoints: [.., var last] } ? last.Id : (CheckpointId?)null;
        await client.SaveCheckpointAsync(job, reason, cancel);
        while (true)
        {
            await Task.Delay(PollPeriod, cancel);
            var view = await client.GetJobAsync(job, cancel);
            if (view is { Checkpoints: [.., var saved] } && saved.Id != newest)
                return saved;
            if (view?.Phase is "finished" or "failed")
            {
                throw new CommandException(
                    ExitCodes.RunFailed, $"Job {job} has {view.Phase} before another checkpoint was saved.", "Nothing is left to save.");
            }
            if (view is { Saving: { Length: > 0 } trouble } && trouble != before?.Saving
                && trouble.Contains("--checkpoint-dir", StringComparison.Ordinal))
            {
                throw new CommandException(
                    ExitCodes.RunFailed, $"Job {job} cannot be saved: {trouble}", "Start the workers again with --checkpoint-dir.");
            }
        }
    }

    private static PathOption DirectoryOption() => new(PathUse.ReadFolder, "--dir")
    {
        Description = "The folder that workers have as --checkpoint-dir; in a run's directory it is 'checkpoints'.",
    };

    private static Command CreateList()
    {
        var job = new JobArgument();
        var directory = DirectoryOption();
        var connection = new ConnectionOptions();
        var format = OutputOption.Create();
        var command = new Command(
            "ls",
            "List checkpoints: those that a job has recorded, or, with --dir, those of a folder.") { job.Argument, directory, format };
        connection.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            using var signals = new Signals();
            if (directory.Full(parsed) is { } path)
            {
                Print([.. Found(path, parsed.GetValue(job.Argument)).Select(
                    found => RowOf(found.Job, found.Id, found.Manifest, found.Trouble ?? "complete"))]);
                return ExitCodes.Success;
            }

            using var client = connection.Connect(parsed);
            var view = await job.FindAsync(client, parsed, signals.Token);
            Print([.. view.Checkpoints.Select(one => (IReadOnlyList<string>)[
                view.Id.Value, $"{one.Id.Step}", Words.Bytes(one.Bytes), $"{one.Parts}", "recorded", $"{one.Id.Timeline}", $"{one.Id.Generation}", one.Id.Name])]);
            return ExitCodes.Success;

            void Print(IReadOnlyList<IReadOnlyList<string>> rows) =>
                new Listing("CheckpointList", Document(rows), Columns, rows).Print(Console.Out, parsed.GetValue(format));
        });
        return command;
    }

    private static Command CreateVerify()
    {
        var job = new Argument<string?>("job") { Description = "Only this job's.", Arity = ArgumentArity.ZeroOrOne };
        var directory = DirectoryOption();
        directory.Required = true;
        var step = new Option<long?>("--step") { Description = "Only checkpoints of this step." };
        var command = new Command("verify", "Read every part of complete checkpoints and compare sizes and hashes. Exit code 1 if one is "
            + "damaged.") { job, directory, step };
        command.SetAction(parsed =>
        {
            var folder = Open(directory.Full(parsed)!);
            var found = Found(
                folder.Path, parsed.GetValue(job)).Where(one => parsed.GetValue(step) is not { } only || one.Id.Step == only).ToArray();
            var (damaged, sound) = (0, 0);
            foreach (var one in found)
            {
                if ((one.Manifest is null ? one.Trouble : WhyDamaged(folder, one)) is not { } trouble)
                {
                    sound++;
                    Console.WriteLine($"ok          {one.Job} {one.Id}  {one.Manifest!.Parts.Count} parts, "
                        + $"{Words.Bytes(one.Manifest.Parts.Sum(part => part.Bytes))}");
                }
                else if (one.IsIncomplete)
                {
                    Console.WriteLine($"incomplete  {one.Job} {one.Id}  {trouble}");
                }
                else
                {
                    damaged++;
                    Console.WriteLine($"damaged     {one.Job} {one.Id}  {trouble}");
                }
            }

            if (damaged > 0)
                return ExitCodes.RunFailed;
            return sound > 0 ? ExitCodes.Success
                : throw new CommandException(
                    ExitCodes.NotFound,
                    $"There is no complete checkpoint{(parsed.GetValue(job) is { } name ? $" of job {name}" : "")} in {folder.Path}.",
                    "'coordinator checkpoint ls --dir' lists what is there.");
        });
        return command;
    }

    private static Command CreateSave()
    {
        var job = new JobArgument();
        var timeout = new Option<int>("--timeout") { Description = "Seconds to wait for it.", DefaultValueFactory = _ => 60 };
        Checks.AtLeast(timeout, 1);
        return QueryCommand.Create(
            "save",
            "Ask a job to save a checkpoint now, and wait until it is recorded.",
            [job.Argument, timeout],
            async (client, parsed, _, cancel) =>
            {
                var view = await job.FindAsync(client, parsed, cancel);
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(TimeSpan.FromSeconds(parsed.GetValue(timeout)));
                try
                {
                    var saved = await SaveAsync(client, view.Id, "asked by its user", limit.Token);
                    Console.WriteLine($"job {view.Id}: step {saved.Id.Step} is saved, {Words.Bytes(saved.Bytes)} in {saved.Parts} parts");
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    throw new CommandException(
                        ExitCodes.Unfinished,
                        $"Job {view.Id} has not saved a checkpoint within {parsed.GetValue(timeout)} s.",
                        "'coordinator describe' says what it does; the request stands.");
                }
            });
    }

    private static CheckpointFolder Open(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new CommandException(
                ExitCodes.NotFound, $"There is no folder {path}.", "Name the one that the workers have as --checkpoint-dir.");
        }
        return new CheckpointFolder(path);
    }

    private static IEnumerable<FoundCheckpoint> Found(string path, string? job)
    {
        var folder = Open(path);
        foreach (var one in folder.Jobs().Where(one => job is null || one.Value == job))
        {
            foreach (var id in folder.List(one))
            {
                var isIncomplete = !System.IO.Path.Exists(System.IO.Path.Combine(folder.PathOf(one, id), CheckpointManifest.FileName));
                CheckpointManifest? manifest = null;
                var trouble = isIncomplete ? "without a manifest: it was being written, or its writers died" : null;
                try
                {
                    if (!isIncomplete)
                        manifest = folder.ReadManifest(one, id, sha256: null);
                }
                catch (CheckpointException wrong)
                {
                    trouble = wrong.Message;
                }

                yield return new FoundCheckpoint(one, id, manifest, trouble, isIncomplete);
            }
        }
    }

    private static string? WhyDamaged(CheckpointFolder folder, FoundCheckpoint one)
    {
        try
        {
            folder.Read(one.Job, one.Manifest!, (_, _) => { });
            return null;
        }
        catch (CheckpointException damaged)
        {
            return damaged.Message;
        }
    }

    private static IReadOnlyList<string> RowOf(JobId job, CheckpointId id, CheckpointManifest? manifest, string state) =>
    [
        job.Value, $"{id.Step}", manifest is null ? "-" : Words.Bytes(manifest.Parts.Sum(part => part.Bytes)),
        manifest is null ? "-" : $"{manifest.Parts.Count}",
        state, $"{id.Timeline}", $"{id.Generation}", id.Name,
    ];

    private static JsonArray Document(IReadOnlyList<IReadOnlyList<string>> rows) => new([.. rows.Select(row => (JsonNode)new JsonObject(
        Columns.Select((column, i) => KeyValuePair.Create(column.Title.ToLowerInvariant(), (JsonNode?)JsonValue.Create(row[i])))))]);

    private sealed record FoundCheckpoint(JobId Job, CheckpointId Id, CheckpointManifest? Manifest, string? Trouble, bool IsIncomplete);
}
