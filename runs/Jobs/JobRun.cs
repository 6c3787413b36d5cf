using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Runs.View;
using Coordinator.Server.Api;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Jobs;

/// <summary>A job that has finished.</summary>
/// <param name="Job">Its last view.</param>
/// <param name="Data">All that was learnt of it.</param>
/// <param name="Took">Wall time from submission to the end.</param>
public sealed record JobResult(JobView Job, RunData Data, TimeSpan Took);

/// <summary>
/// Submits a job and stays with it to its end: what <c>train</c> and both halves of <c>demo</c> do. Every call waits for its silo
/// (<see cref="SiloCalls"/>).
/// </summary>
public sealed class JobRun(CoordinatorClient client, string title)
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(25);

    // A silo that could not be started for so long will not be; without it the job can neither save nor end.
    private static readonly TimeSpan LongestUnheard = TimeSpan.FromMinutes(10);

    private SiloCalls? calls;
    private RunFollower? follower;

    /// <summary>Processes of ours, if the cluster is ours.</summary>
    public LocalCluster? Cluster { get; init; }

    /// <summary>Called some forty times a second with what is known by then.</summary>
    public Action<RunData>? OnTick { get; init; }

    /// <summary>
    /// The other frozen files that the job needs, brought to the silo first: the weights that it starts from, its own program; named by
    /// their hashes. None for a job without, or where they are there.
    /// </summary>
    public IReadOnlyList<string> BesidePaths { get; init; } = [];

    /// <summary>
    /// Id of a job that is submitted. Drawn before the submission, so that one whose answer was lost can be repeated without making a
    /// second job.
    /// </summary>
    public JobId? Id { get; init; }

    /// <summary>What is safe and which command goes on, where this one cannot; null: what holds for somebody else's silo.</summary>
    public Func<string>? Remedy { get; init; }

    /// <summary>The job as last heard of; null before it is known to be stored.</summary>
    public JobView? LastSeen => follower?.Job;

    /// <summary>The run's calls to its silo.</summary>
    public SiloCalls Calls => calls ??= new SiloCalls(client, Cluster) { Remedy = WhatIsSafe };

    /// <summary>Runs the job.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="dataPath">Its frozen data, brought to the silo first; null for a program without data, or data that is there.</param>
    /// <param name="cancel">Ends the watching; the job itself goes on where its cluster does.</param>
    /// <exception cref="CommandException">The job failed, or somebody else's silo stays away.</exception>
    /// <exception cref="ClusterException">Our processes cannot be kept up.</exception>
    public async Task<JobResult> RunAsync(JobSpec spec, string? dataPath, CancellationToken cancel)
    {
        if (dataPath is not null)
            await UploadAsync(dataPath, spec.Data.Sha256, cancel);
        foreach (var beside in BesidePaths)
            await UploadAsync(beside, Path.GetFileNameWithoutExtension(beside), cancel);
        await using var kept = dataPath is null ? null : new DataWatch(client, dataPath, spec.Data.Sha256);
        var submitted = DateTimeOffset.Now;
        var id = Id ?? JobIds.New(spec.Name);
        await SubmitAsync(id, spec, cancel);
        return await FollowAsync(id, spec, submitted, cancel);
    }

    /// <summary>Stays with a job that was submitted already.</summary>
    /// <param name="id">The job.</param>
    /// <param name="spec">Its spec. A silo that does not know the job any more, since it died before it had stored it, is given it
    /// again.</param>
    /// <param name="since">From when on its time counts.</param>
    /// <param name="cancel">Ends the watching.</param>
    /// <exception cref="CommandException">The job failed.</exception>
    /// <exception cref="ClusterException">Our processes cannot be kept up.</exception>
    public async Task<JobResult> FollowAsync(JobId id, JobSpec spec, DateTimeOffset since, CancellationToken cancel)
    {
        follower = new RunFollower(new SiloRunSource(client, id) { Unknown = again => SubmitAsync(id, spec, again) }, title, Cluster);
        if (Cluster is not null)
            Cluster.IsTraining = () => IsTraining(follower.Job, follower.Away);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var following = follower.RunAsync(stop.Token);
        var showing = RunDisplay.RunAsync(follower.Snapshot, stop.Token);
        var ticking = TickAsync(follower, stop.Token);
        try
        {
            await Task.WhenAny(follower.Ended, following, ticking, Cluster?.Failure ?? Task.Delay(Timeout.Infinite, stop.Token));
            if (follower.Ended.IsCompleted)
                await Calls.AskAsync((_, limit) => follower.DrainEventsAsync(limit), cancel);
        }
        finally
        {
            await stop.CancelAsync();
            await following;
            await showing;
        }

        await ticking;
        cancel.ThrowIfCancellationRequested();
        if (!follower.Ended.IsCompleted)
            throw new ClusterException(await Cluster!.Failure);
        var job = await follower.Ended;
        if (job.Phase == "failed")
        {
            throw new CommandException(
                ExitCodes.RunFailed, $"Job {job.Id} failed at step {job.Recorded} of {spec.Training.Steps}: {job.Reason}",
                "The events above say what led to it.");
        }

        return new JobResult(job, follower.Snapshot(), DateTimeOffset.Now - since);
    }

    /// <summary>Brings the final model to a file: whole or not at all. Until it is there, the silo keeps it.</summary>
    /// <returns>SHA-256 of the file's bytes.</returns>
    /// <exception cref="CommandException">What arrived is not what the job recorded, or it cannot be written.</exception>
    /// <exception cref="ClusterException">Our silo cannot be kept up.</exception>
    public async Task<string> DownloadAsync(JobView job, OutputPath output, CancellationToken cancel)
    {
        string? partial = null;
        try
        {
            partial = output.CreatePartialName();
            var sha256 = await FetchAsync(job, partial, cancel);
            await output.DeliverAsync(partial, cancel);
            return sha256;
        }
        catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.RunFailed, $"The model cannot be written to {output.Path}: {cannot.Message}", $"{WhatIsSafe()}", cannot);
        }
        finally
        {
            if (partial is not null)
                Discard(partial);
        }
    }

    /// <summary>Whether a job counts as training that was seen last so long ago: what was heard does not hold for ever.</summary>
    internal static bool IsTraining(JobView? seen, TimeSpan away) => seen is { Phase: "running" } && away < LongestUnheard;

    private static void Discard(string partial)
    {
        try
        {
            File.Delete(partial);
        }
        catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException)
        {
            // What led here is the error worth reporting.
        }
    }

    private async Task UploadAsync(string path, string sha256, CancellationToken cancel)
    {
        try
        {
            await Calls.MoveAsync(
                async (silo, limit) =>
                {
                    await silo.UploadDataAsync(path, sha256, limit);
                    return true;
                },
                cancel);
        }
        catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.RunFailed,
                $"The frozen data cannot be read: {cannot.Message}",
                "Nothing was submitted: run the command again.",
                cannot);
        }
    }

    private Task<SubmittedBody> SubmitAsync(JobId id, JobSpec spec, CancellationToken cancel) =>
        Calls.AskAsync((silo, limit) => silo.SubmitAsync(spec, id, limit), cancel);

    /// <summary>
    /// What arrives is appended to what is there, whichever silo gives it, so a wrong hash may be that of a file that is older than this
    /// job: once more from its beginning.
    /// </summary>
    private async Task<string> FetchAsync(JobView job, string partial, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            Discard(partial);
            if (!await Calls.MoveAsync((silo, limit) => silo.DownloadModelAsync(job.Id, partial, limit), cancel))
            {
                throw new CommandException(
                    ExitCodes.NotFound,
                    $"The silo has no model of job {job.Id}, which has {job.Phase}.",
                    "See its events with 'coordinator events'.");
            }
            var sha256 = await FlushAndHashAsync(partial, cancel);
            if (sha256 == job.ModelSha256)
                return sha256;
            if (attempt == 2)
            {
                throw new CommandException(
                    ExitCodes.RunFailed, $"The model arrived with SHA-256 {sha256}, but the job recorded {job.ModelSha256}.",
                    $"If this repeats, the disk or the network of one of the machines is damaged. {WhatIsSafe()}");
            }
        }
    }

    private static async Task<string> FlushAndHashAsync(string path, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
    }

    private string WhatIsSafe() => Remedy?.Invoke() ?? LastSeen switch
    {
        null => "The job was not known to be stored yet; 'coordinator jobs' lists it if it is. Else run the command again.",
        { Phase: "finished" } done => $"The model is safe at the silo: coordinator download {done.Id} --out FILE",
        var job => $"Job {job.Id} goes on without this command. To wait for its model and fetch it: coordinator download {job.Id} --wait "
            + "--out FILE",
    };

    private async Task TickAsync(RunFollower follower, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            OnTick?.Invoke(follower.Snapshot());
            await Task.Delay(TickPeriod, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }
}
