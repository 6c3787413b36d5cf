using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary>The job that a command is about: named, or the only one that there is.</summary>
public sealed class JobArgument
{
    /// <summary>The argument.</summary>
    public Argument<string?> Argument { get; } = new("job") { Description = "The job (may be left out where there is only one).", Arity = ArgumentArity.ZeroOrOne };

    /// <summary>The gang.</summary>
    /// <exception cref="CommandException">There is none, it is not clear which, or the job is none.</exception>
    public async Task<GangView> FindGangAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        var id = await FindIdAsync(client, parsed, cancel);
        return await client.GetGangAsync(id, cancel)
            ?? throw new CommandException(ExitCodes.Usage, $"Job {id} trains a model of the coordinator's own programs, which say nothing.", "See its events with 'coordinator events'.");
    }

    /// <summary>The job's id, whichever kind it is of.</summary>
    /// <exception cref="CommandException">There is none, or it is not clear which.</exception>
    public async Task<JobId> FindIdAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(Argument) is { } name)
        {
            var id = new JobId(name);
            return await client.GetGangAsync(id, cancel) is not null || await client.GetJobAsync(id, cancel) is not null
                ? id
                : throw new CommandException(ExitCodes.NotFound, $"There is no job '{name}'.", "'coordinator jobs' lists them.");
        }

        JobId[] ids = [.. (await client.GetGangsAsync(cancel)).Select(gang => gang.Id), .. (await client.GetJobsAsync(cancel)).Select(job => job.Id)];
        return ids.Length switch
        {
            1 => ids[0],
            0 => throw new CommandException(ExitCodes.NotFound, "There is no job.", "Start one with 'coordinator train --silo URL' or 'coordinator run --silo URL'."),
            _ => throw new CommandException(ExitCodes.Usage, $"There are {ids.Length} jobs.", $"Name one: {string.Join(", ", ids)}."),
        };
    }

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
