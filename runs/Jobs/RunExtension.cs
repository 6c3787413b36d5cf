using System.Net;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// What <c>resume</c> asks of a job beyond going on: more steps, and ranks for more workers. It is done before any worker is there, and the
/// run's record says it only once the silo has it durably; so what is refused has changed nothing.
/// </summary>
internal static class RunExtension
{
    /// <summary>Gives the run's job its steps, and ranks for its workers.</summary>
    /// <param name="cluster">The silo, which listens.</param>
    /// <param name="record">The run as it is to be.</param>
    /// <param name="directory">Its directory.</param>
    /// <param name="steps">Steps that the job is to have; null: those that it has.</param>
    /// <param name="forWorkers">Whether each of the run's workers is to have ranks; else those that have none wait until another
    /// fails.</param>
    /// <param name="cancel">Ends the wait for the silo.</param>
    /// <returns>The record with what the job was given.</returns>
    /// <exception cref="CommandException">It is refused, or a finished job has nothing to go on from.</exception>
    public static async Task<RunRecord> ApplyAsync(
        LocalCluster cluster, RunRecord record, RunDirectory directory, long? steps, bool forWorkers, CancellationToken cancel)
    {
        // What was asked for before the job was stored is still to be given to it.
        using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
        var calls = new SiloCalls(client, cluster);
        var job = await calls.AskAsync((silo, limit) => silo.GetJobAsync(record.JobId, limit), cancel);
        if ((job?.Spec ?? record.RunningSpec()) is not { } spec)
            return record;
        var (workers, perWorker) = ((long)record.WorkerArguments.Count, record.GpusPerWorker);
        var goesOn = job is not { Phase: "finished" or "failed" } || steps > spec.Training.Steps;
        var isTooNarrow = forWorkers && goesOn && (workers - 1) * perWorker >= spec.Ranks;

        // Those that ran here have ended with the command that had started them, and one that is not started again never says so itself.
        var wanted = new ExtendJob(
            steps, isTooNarrow ? (int)Math.Min(workers * perWorker, spec.Training.Shards) : null)
        { WorkersEnded = forWorkers && goesOn };
        if (wanted is { Steps: null, Ranks: null, WorkersEnded: false })
            return record;
        if (job is null)
        {
            if (ExtensionPolicy.WhyRefused(spec, isFinished: false, failure: null, checkpoints: 0, wanted) is { } problem)
            {
                throw new CommandException(
                    ExitCodes.Usage, $"{problem.Field} is {problem.Value} but must be {problem.Rule}.", problem.Remedy);
            }
            return Noted(record, spec, wanted);
        }

        if (job.Phase == "finished" && steps > spec.Training.Steps && job.Checkpoints.Count > 0
            && !job.Checkpoints.Any(checkpoint => IsThere(checkpoint, record, directory)))
        {
            throw new CommandException(
                ExitCodes.NotFound,
                $"Job {job.Id} has finished, and none of its {job.Checkpoints.Count} checkpoints is in {directory.File("checkpoints")} any "
                    + "more: there is no state to go on from.",
                "Put one back, or train the model further with 'coordinator train --init MODEL'. The model is safe, and nothing was "
                    + "changed.");
        }

        await GiveAsync(calls, job, wanted, cancel);
        var given = Noted(record, spec, wanted);
        return steps > spec.Training.Steps ? given with { ModelSha256 = null, ModelFile = null } : given;
    }

    private static async Task GiveAsync(SiloCalls calls, JobView job, ExtendJob wanted, CancellationToken cancel)
    {
        for (var isStored = false; !isStored;)
        {
            try
            {
                isStored = await calls.AskAsync(
                    async (silo, limit) =>
                    {
                        await silo.ExtendJobAsync(job.Id, wanted.Steps, wanted.Ranks, wanted.WorkersEnded, limit);
                        return true;
                    },
                    cancel);
            }
            catch (CoordinatorApiException waits) when (waits.Status is HttpStatusCode.Accepted)
            {
                // What is not durable yet is promised to nobody, and no worker starts before it is.
            }
            catch (CoordinatorApiException refused) when (refused.Status is HttpStatusCode.Conflict)
            {
                throw new CommandException(ExitCodes.Usage, $"{refused.Message}.", refused.Remedy, refused);
            }
        }
    }

    private static RunRecord Noted(RunRecord record, JobSpec spec, ExtendJob wanted) => record with
    {
        Steps = wanted.Steps > spec.Training.Steps ? wanted.Steps : record.Steps,
        Ranks = wanted.Ranks ?? record.Ranks,
    };

    private static bool IsThere(CheckpointRef checkpoint, RunRecord record, RunDirectory directory)
    {
        var path = directory.File("checkpoints");
        return Directory.Exists(path)
            && File.Exists(Path.Combine(new CheckpointFolder(path).PathOf(record.JobId, checkpoint.Id), CheckpointManifest.FileName));
    }
}
