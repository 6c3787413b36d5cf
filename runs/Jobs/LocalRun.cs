using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker.Data;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// A job on a silo and workers of this machine that end with the command: what <c>train</c> starts and <c>resume</c> goes on with. Asked to
/// end by a signal, it saves a checkpoint first, as a scheduler that preempts a job expects, and ends with
/// <see cref="ExitCodes.Retryable"/>; where nothing is saved, with the signal's exit code. Whatever ends it says what is safe, and the
/// command that goes on.
/// </summary>
public sealed class LocalRun(RunRecord record, RunDirectory directory, OutputPath output, SiloBackend backend, int port, Signals signals)
{
    private static readonly TimeSpan FindLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan FindPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastDownloadLimit = TimeSpan.FromMinutes(5);

    private bool isKnown;

    private string? sound;

    /// <summary>Submits the job, and follows it to its model.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="frozen">Its frozen data; null for a program without data, or data that is with the silo.</param>
    /// <param name="beside">The frozen weights that it starts from and its own program, as far as it has any.</param>
    /// <returns>SHA-256 of the model file.</returns>
    /// <exception cref="OperationCanceledException">A signal came, and there is nothing to go on from.</exception>
    public Task<string> TrainAsync(JobSpec spec, string? frozen, params IReadOnlyList<string> beside)
    {
        if (IsResumable)
            record.Save(directory);
        return RunAsync(run => run.RunAsync(spec, frozen, signals.Token), spec.Name, beside);
    }

    /// <summary>
    /// Goes on with the job that the directory's silo knows. A run that was killed before its job was stored is begun: its record says
    /// what was asked for, and its data are in the directory.
    /// </summary>
    /// <param name="steps">Steps that the job is to have; null: those that it has.</param>
    /// <param name="forWorkers">Whether the job is to have ranks for all of the run's workers.</param>
    /// <returns>SHA-256 of the model file.</returns>
    /// <exception cref="OperationCanceledException">A signal came, and there is nothing to go on from.</exception>
    /// <exception cref="CommandException">The job cannot be given so many steps, or ranks for so many workers; nothing was
    /// changed.</exception>
    public Task<string> ResumeAsync(long? steps = null, bool forWorkers = false)
    {
        isKnown = true;
        return RunAsync(
            ResumeAsync,
            record.Job,
            record.ReadSpec() is { } noted ? [.. new[] { noted.Initial?.Sha256,
                noted.Program?.Sha256 }.OfType<string>().Select(Frozen).OfType<string>()] : [],
            BeforeWorkersAsync);

        async Task BeforeWorkersAsync(LocalCluster cluster)
        {
            record = await RunExtension.ApplyAsync(cluster, record, directory, steps, forWorkers, signals.Token);
            record.Save(directory);
            await RestoreDataAsync(cluster);
        }
    }

    /// <summary>The silos of a cluster keep their state in a database of its own, and a private one ends with the run.</summary>
    private bool IsResumable => !backend.IsCluster;

    private string Again => $"coordinator resume {ShellWord.Of(directory.Path)}";

    private async Task<string> RunAsync(
        Func<JobRun, Task<JobResult>> follow, string title, IReadOnlyList<string> beside, Func<LocalCluster, Task>? beforeWorkers = null)
    {
        var options = new LocalClusterOptions
        {
            Workers = record.WorkerArguments.Count,
            GpusPerWorker = record.GpusPerWorker,
            Devices = worker => record.WorkerArguments[worker],
            Backend = backend,
            Port = port,
            BeforeWorkers = beforeWorkers,
            WorkerArguments = (_, _) => record.ReadSpec()?.Program is null ? [] : ["--allow-programs"],
        };
        JobRun? run = null;
        try
        {
            await using var cluster = await LocalCluster.StartAsync(options, directory, signals.Token);
            foreach (var line in Attaching.Lines(cluster, directory))
                Console.WriteLine(line);
            using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
            run = new JobRun(client, title)
            {
                Cluster = cluster,
                Id = record.JobId,
                BesidePaths = beside,
                Remedy = () => WhatIsSafe(run?.LastSeen),
            };
            try
            {
                var result = await follow(run);
                RefuseShort(result.Job);
                Console.WriteLine(
                    $"{result.Job.Spec.Training.Steps} steps in {Words.Duration(result.Took)}, "
                        + $"{Counted.Of(result.Job.Failures, "failure")} healed");
                return Noted(result.Job, await run.DownloadAsync(result.Job, output, signals.Token));
            }
            catch (OperationCanceledException) when (signals.ExitCode is not null && IsResumable)
            {
                return await EndAsync(run);
            }
        }
        catch (ClusterException failed) when (IsResumable && (isKnown || run?.LastSeen is not null))
        {
            throw new ClusterException(
                failed.Failure with { Remedy = $"{failed.Failure.Remedy}{Environment.NewLine}{WhatIsSafe(run?.LastSeen)}" });
        }
    }

    /// <summary>A finished job that was given more steps, and of which no state was left, is what it was before.</summary>
    private void RefuseShort(JobView job)
    {
        if (!(record.Steps > job.Spec.Training.Steps))
            return;
        record = record with
        {
            Steps = job.Submitted is { } submitted && submitted.Steps < job.Spec.Training.Steps ? job.Spec.Training.Steps : null,
        };
        Noted(job, job.ModelSha256!);
        throw new CommandException(ExitCodes.NotFound, $"Job {job.Id} is as it was: {job.Reason}", WhatIsSafe(job));
    }

    private string? Frozen(string sha256) =>
        sha256.Length > 0 && DataStore.PathOf(directory.File("data"), sha256) is var path && File.Exists(path) ? path : null;

    /// <summary>So that the same command, given again, trains nothing. The model is there whether or not that can be noted.</summary>
    private string Noted(JobView job, string sha256)
    {
        try
        {
            if (IsResumable)
                (record with { ModelSha256 = sha256, ModelFile = FinishedRun.NameOf(job) }).Save(directory);
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"the end of the run could not be noted in {directory.Path}: {full.Message}");
        }

        return sha256;
    }

    private async Task<JobResult> ResumeAsync(JobRun run)
    {
        var spec = record.RunningSpec();
        var since = DateTimeOffset.Now;
        for (var until = since + FindLimit; ; await Task.Delay(FindPause, signals.Token))
        {
            if (await run.Calls.AskAsync((silo, limit) => silo.GetJobAsync(record.JobId, limit), signals.Token) is { } job)
            {
                using var client = new CoordinatorClient(run.Cluster!.Url, SiloToken.Load(run.Cluster.TokenFile));
                await using var kept = sound is null ? null : new DataWatch(client, sound, job.Spec.Data.Sha256);
                return await run.FollowAsync(job.Id, job.Spec, since, signals.Token);
            }

            if (spec is not null)
                return await run.RunAsync(spec, Frozen(spec.Data.Sha256), signals.Token);
            if (DateTimeOffset.Now >= until)
            {
                throw new CommandException(
                    ExitCodes.NotFound,
                    $"The database in {directory.Path} does not know job {record.Job}.",
                    "The run ended before its job was stored: start it again with 'coordinator train'.");
            }
        }
    }

    /// <summary>The job's data are brought to the silo again where it has lost them, before any worker asks for them.</summary>
    private async Task RestoreDataAsync(LocalCluster cluster)
    {
        using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
        sound = await FrozenCopies.RestoreAsync(
            new SiloCalls(client, cluster) { Remedy = () => WhatIsSafe(job: null) }, record.JobId, directory, signals.Token);
    }

    /// <summary>A signal came: saves, unless Ctrl-C ends a run that saves nothing by itself either.</summary>
    /// <returns>SHA-256 of the model file, where the job finished first.</returns>
    private async Task<string> EndAsync(JobRun run)
    {
        if (signals.IsInterrupt && run.LastSeen is { } seen && CheckpointInterval.TryParse(seen.Spec.Checkpoint.Interval, out var interval)
            && interval.IsOff && seen is { Phase: not "finished", Checkpoints: [] })
        {
            throw new OperationCanceledException(signals.Token);
        }
        if (run.LastSeen is not null)
        {
            Console.WriteLine(
                $"asked to end: saving the state first (a second signal ends at once, and '{Again}' goes on from what was saved before)");
        }
        var remains = await new FinalCheckpoint(run.Calls, record.JobId).SaveAsync("the run was asked to end");
        if (remains is { Job: { Phase: "finished" } finished })
            return await FetchAsync(run, finished);
        if (remains.Saved is { } saved)
        {
            throw new CommandException(
                ExitCodes.Retryable, $"Asked to end: the state of step {saved.Id.Step} is saved.", $"To go on: {Again}");
        }

        // A silo that did not answer says nothing of what there is: what was heard of it before still holds.
        var job = remains.Job ?? run.LastSeen;
        if (job is null or { Recorded: 0, Checkpoints: [] })
            throw new OperationCanceledException(remains.Trouble, signals.Token);
        throw new CommandException(
            job is { Checkpoints: [_, ..], Phase: not "failed" } ? ExitCodes.Retryable : signals.ExitCode!.Value,
            $"Asked to end, and nothing was saved now: {remains.Trouble}.", WhatIsSafe(job));
    }

    private async Task<string> FetchAsync(JobRun run, JobView finished)
    {
        using var limit = new CancellationTokenSource(LastDownloadLimit);
        try
        {
            return Noted(finished, await run.DownloadAsync(finished, output, limit.Token));
        }
        catch (OperationCanceledException)
        {
            throw new CommandException(
                ExitCodes.Retryable,
                $"Asked to end: the model is finished, and was not fetched within {LastDownloadLimit.TotalMinutes:0} min.",
                WhatIsSafe(finished));
        }
    }

    /// <summary>What is left of the run in its directory, and the command that goes on from it.</summary>
    private string WhatIsSafe(JobView? job)
    {
        if (!IsResumable && job is { Phase: "finished" })
            return $"The model is finished and safe in {FinishedRun.StoredModel(job, directory)}: copy it from there.";
        if (!IsResumable)
        {
            return backend.Database is null
                ? "The run's own database ends with it: run the command again."
                : "The job is in the database that was named, and goes on when silos and workers run on it again.";
        }
        return job switch
        {
            { Phase: "finished" } =>
                $"The model is finished and safe in {FinishedRun.StoredModel(job, directory)}. To fetch it: {Again} --out FILE",
            { Phase: "failed" } => $"The job has failed; what it left is in {directory.Path}.",
            { Checkpoints: [.., var last] } =>
                $"The checkpoint of step {last.Id.Step} is safe in {directory.Path}. To go on from there: {Again}",
            null when !isKnown => "The job had not begun: run the command again.",
            null => $"What was saved is safe in {directory.Path}. To go on: {Again}",
            _ => $"The job is stored in {directory.Path}, without a checkpoint so far. To train it from its beginning: {Again}",
        };
    }
}
