using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Machines;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>download</c>: the model of a job that has finished, for whoever did not stay with it to its end.</summary>
public static class DownloadCommand
{
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(500);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new JobArgument();
        var output = new PathOption(PathUse.Write, "--out")
        {
            Description = "The model file to write.",
            DefaultValueFactory = _ => "model.safetensors",
        };
        var wait = new Option<bool>("--wait") { Description = "Wait until the job has finished." };
        return QueryCommand.Create(
            "download",
            "Fetch the model of a finished job from its silo.",
            [job.Argument, output, wait],
            async (client, parsed, _, cancel) =>
            {
                var model = output.Output(parsed)!;
                if (model.IsStandardOutput)
                    Console.SetOut(Console.Error);
                var found = await job.FindAsync(client, parsed, cancel);
                var run = new JobRun(client, found.Spec.Name);
                var sha256 = await run.DownloadAsync(await FinishedAsync(run, found, parsed.GetValue(wait), cancel), model, cancel);
                Console.WriteLine($"{sha256}  {parsed.GetValue(output)}");
            });
    }

    private static async Task<JobView> FinishedAsync(JobRun run, JobView job, bool wait, CancellationToken cancel)
    {
        while (job.Phase != "finished")
        {
            if (job.Phase == "failed")
            {
                throw new CommandException(
                    ExitCodes.RunFailed,
                    $"Job {job.Id} failed at step {job.Recorded} of {job.Spec.Training.Steps}, and has no model: {job.Reason}",
                    "See its events with 'coordinator events'.");
            }
            if (!wait)
            {
                throw new CommandException(
                    ExitCodes.Unfinished,
                    $"Job {job.Id} has no model yet: it is {job.Phase}, at step {job.Recorded} of {job.Spec.Training.Steps}.",
                    "Wait for it with --wait.");
            }
            await Task.Delay(PollPeriod, cancel);
            job = await run.Calls.AskAsync((silo, limit) => silo.GetJobAsync(job.Id, limit), cancel)
                ?? throw new CommandException(
                    ExitCodes.NotFound, $"The silo does not know job {job.Id} any more.", "'coordinator jobs' lists those that it knows.");
        }

        return job;
    }
}
