using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Cli.View;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Runs;

/// <summary>
/// A job on a silo and workers of this machine that end with the command: what <c>train</c> starts and <c>resume</c> goes on with. Asked to
/// end by SIGTERM, it saves a checkpoint first, as a scheduler that preempts a job expects, and ends with <see cref="ExitCodes.Retryable"/>.
/// </summary>
public sealed class LocalRun(RunRecord record, RunDirectory directory, SiloBackend backend, int port, Signals signals)
{
    private static readonly TimeSpan SaveLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FindLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>Submits the job, and follows it to its model.</summary>
    /// <returns>SHA-256 of the model file.</returns>
    public Task<string> TrainAsync(JobSpec spec, string? frozen)
    {
        if (IsResumable)
            record.Save(directory);
        return RunAsync(run => run.RunAsync(spec, frozen, signals.Token), spec.Name);
    }

    /// <summary>Goes on with the job that the directory's silo knows.</summary>
    /// <returns>SHA-256 of the model file.</returns>
    public Task<string> ResumeAsync() => RunAsync(run => ResumeAsync(run), record.Job);

    /// <summary>Orleans silos keep their state in a database of their own, and a private one ends with the run.</summary>
    private bool IsResumable => backend.Orleans is null;

    private async Task<string> RunAsync(Func<JobRun, Task<JobResult>> follow, string title)
    {
        var options = new LocalClusterOptions
        {
            Workers = record.WorkerArguments.Count,
            GpusPerWorker = record.GpusPerWorker,
            Devices = worker => record.WorkerArguments[worker],
            Backend = backend,
            Port = port,
        };
        await using var cluster = await LocalCluster.StartAsync(options, directory, signals.Token);
        Console.WriteLine($"attach from another terminal:  export {ConnectionOptions.SiloVariable}={cluster.Url} {ConnectionOptions.TokenVariable}={cluster.TokenFile}");
        Console.WriteLine($"                               coordinator status      (logs: {directory.Path})");
        using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
        var run = new JobRun(client, title) { Cluster = cluster, Id = record.JobId };
        try
        {
            var result = await follow(run);
            Console.WriteLine($"{result.Job.Spec.Training.Steps} steps in {Words.Duration(result.Took)}, {result.Job.Failures} failures healed");
            return await run.DownloadAsync(result.Job, record.Output, signals.Token);
        }
        catch (OperationCanceledException) when (signals.ExitCode == ExitCodes.Terminated && IsResumable)
        {
            throw await SaveAndEndAsync(client);
        }
    }

    private async Task<JobResult> ResumeAsync(JobRun run)
    {
        using var client = new CoordinatorClient(run.Cluster!.Url, SiloToken.Load(run.Cluster.TokenFile));
        var since = DateTimeOffset.Now;
        for (var until = since + FindLimit; ; await Task.Delay(PollPeriod, signals.Token))
        {
            try
            {
                if (await client.GetJobAsync(record.JobId, signals.Token) is { } job)
                    return await run.FollowAsync(job.Id, job.Spec, since, signals.Token);
            }
            catch (CoordinatorApiException away) when (away.MayRepeat && DateTimeOffset.Now < until)
            {
                continue;
            }

            if (DateTimeOffset.Now >= until)
            {
                throw new CommandException(
                    ExitCodes.NotFound, $"The database in {directory.Path} does not know job {record.Job}.", "The run ended before its job was stored: start it again with 'coordinator train'.");
            }
        }
    }

    private async Task<CommandException> SaveAndEndAsync(CoordinatorClient client)
    {
        var again = $"coordinator resume {directory.Path}";
        using var limit = new CancellationTokenSource(SaveLimit);
        try
        {
            var saved = await CheckpointCommand.SaveAsync(client, record.JobId, "the run was asked to end", limit.Token);
            return new CommandException(ExitCodes.Retryable, $"Asked to end: the state of step {saved.Id.Step} is saved.", $"To go on: {again}");
        }
        catch (Exception failed) when (failed is CommandException or CoordinatorApiException or OperationCanceledException)
        {
            var why = failed is OperationCanceledException ? $"there was no checkpoint within {SaveLimit.TotalSeconds:0} s" : failed.Message;
            return new CommandException(ExitCodes.Retryable, $"Asked to end, and nothing was saved now: {why}", $"To go on from the last checkpoint, or the seed: {again}");
        }
    }
}
