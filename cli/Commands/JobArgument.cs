using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary>The job that a command is about: named, or the only one that there is.</summary>
public sealed class JobArgument
{
    /// <summary>The argument.</summary>
    public Argument<string?> Argument { get; } = new("job") { Description = "The job (may be left out where there is only one).", Arity = ArgumentArity.ZeroOrOne };

    /// <summary>The job.</summary>
    /// <exception cref="CommandException">There is none, or it is not clear which.</exception>
    public async Task<JobView> FindAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(Argument) is { } name)
        {
            return await client.GetJobAsync(new JobId(name), cancel)
                ?? throw new CommandException(ExitCodes.NotFound, $"There is no job '{name}'.", "'coordinator jobs' lists them.");
        }

        var jobs = await client.GetJobsAsync(cancel);
        return jobs.Count switch
        {
            1 => jobs[0],
            0 => throw new CommandException(ExitCodes.NotFound, "There is no job.", "Start one with 'coordinator train --silo URL'."),
            _ => throw new CommandException(ExitCodes.Usage, $"There are {jobs.Count} jobs.", $"Name one: {string.Join(", ", jobs.Select(job => job.Id))}."),
        };
    }
}
