using System.Security.Cryptography;
using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Cli.View;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Runs;

/// <summary>A job that has finished.</summary>
/// <param name="Job">Its last view.</param>
/// <param name="Data">All that was learnt of it.</param>
/// <param name="Took">Wall time from submission to the end.</param>
public sealed record JobResult(JobView Job, RunData Data, TimeSpan Took);

/// <summary>Submits a job and stays with it to its end: what <c>train</c> and both halves of <c>demo</c> do.</summary>
public sealed class JobRun(CoordinatorClient client, string title)
{
    private const int Attempts = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(25);

    /// <summary>Processes of ours, if the cluster is ours.</summary>
    public LocalCluster? Cluster { get; init; }

    /// <summary>Called some forty times a second with what is known by then.</summary>
    public Action<RunData>? OnTick { get; init; }

    /// <summary>Id of a job that is submitted; null: one is drawn.</summary>
    public JobId? Id { get; init; }

    /// <summary>Runs the job.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="dataPath">Its frozen data, brought to the silo first; null for a program without data, or data that is there.</param>
    /// <param name="cancel">Ends the watching; the job itself goes on where its cluster does.</param>
    /// <exception cref="CommandException">The job failed.</exception>
    /// <exception cref="ClusterException">Our processes cannot be kept up.</exception>
    public async Task<JobResult> RunAsync(JobSpec spec, string? dataPath, CancellationToken cancel)
    {
        if (dataPath is not null)
            await client.UploadDataAsync(dataPath, spec.Data.Sha256, cancel);
        var submitted = DateTimeOffset.Now;
        var id = await SubmitAsync(spec, cancel);
        return await FollowAsync(id, spec, submitted, cancel);
    }

    /// <summary>Stays with a job that was submitted already.</summary>
    /// <param name="id">The job.</param>
    /// <param name="spec">Its spec.</param>
    /// <param name="since">From when on its time counts.</param>
    /// <param name="cancel">Ends the watching.</param>
    /// <exception cref="CommandException">The job failed.</exception>
    /// <exception cref="ClusterException">Our processes cannot be kept up.</exception>
    public async Task<JobResult> FollowAsync(JobId id, JobSpec spec, DateTimeOffset since, CancellationToken cancel)
    {
        var follower = new RunFollower(new SiloRunSource(client, id), title, Cluster);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var following = follower.RunAsync(stop.Token);
        var showing = RunDisplay.RunAsync(follower.Snapshot, stop.Token);
        var ticking = TickAsync(follower, stop.Token);
        try
        {
            await Task.WhenAny(follower.Ended, following, ticking, Cluster?.Failure ?? Task.Delay(Timeout.Infinite, stop.Token));
            if (follower.Ended.IsCompleted)
                await follower.DrainEventsAsync(cancel);
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

    /// <summary>Brings the final model to a file: whole or not at all.</summary>
    /// <returns>SHA-256 of the file's bytes.</returns>
    /// <exception cref="CommandException">What arrived is not what the job recorded.</exception>
    public async Task<string> DownloadAsync(JobView job, string path, CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var partial = $"{path}.{Environment.ProcessId}.part";
        try
        {
            if (!await FetchAsync(job.Id, partial, cancel))
                throw new CommandException(ExitCodes.NotFound, $"The silo has no model of job {job.Id}, which has {job.Phase}.", "See its events with 'coordinator events'.");
            var sha256 = await FlushAndHashAsync(partial, cancel);
            if (sha256 != job.ModelSha256)
            {
                throw new CommandException(
                    ExitCodes.RunFailed, $"The model arrived with SHA-256 {sha256}, but the job recorded {job.ModelSha256}.",
                    "Run the command again; if this repeats, the disk or the network of one of the machines is damaged.");
            }

            File.Move(partial, path, overwrite: true);
            return sha256;
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>The id is drawn here, so that a submission whose answer was lost can be repeated without making a second job.</summary>
    private async Task<JobId> SubmitAsync(JobSpec spec, CancellationToken cancel)
    {
        var id = Id ?? JobIds.New(spec.Name);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await client.SubmitAsync(spec, id, cancel)).Id;
            }
            catch (CoordinatorApiException away) when (away.MayRepeat && attempt < Attempts)
            {
                await Task.Delay(Pause, cancel);
            }
        }
    }

    /// <summary>Again from the start where the silo died in the middle: another one has the file, too.</summary>
    private async Task<bool> FetchAsync(JobId job, string path, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await client.DownloadModelAsync(job, path, cancel);
            }
            catch (CoordinatorApiException away) when (away.MayRepeat && attempt < Attempts)
            {
                await Task.Delay(Pause, cancel);
            }
        }
    }

    private static async Task<string> FlushAndHashAsync(string path, CancellationToken cancel)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
    }

    private async Task TickAsync(RunFollower follower, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            OnTick?.Invoke(follower.Snapshot());
            await Task.Delay(TickPeriod, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }
}
