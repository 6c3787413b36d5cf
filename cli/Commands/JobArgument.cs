using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Api;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary>The job that a command is about: named, or the only one that there is.</summary>
public sealed class JobArgument
{
    /// <summary>The argument.</summary>
    public Argument<string?> Argument { get; } = new("job")
    {
        Description = "The job: its id, the beginning of it, or its name, where that is clear (may be left out where there is only one).",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>The gang.</summary>
    /// <exception cref="CommandException">There is none, it is not clear which, or the job is none.</exception>
    public async Task<GangView> FindGangAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        var id = await FindIdAsync(client, parsed, cancel);
        return await client.GetGangAsync(id, cancel)
            ?? throw new CommandException(
                ExitCodes.Usage,
                $"Job {id} trains a model of the coordinator's own programs, which say nothing.",
                "See its events with 'coordinator events'.");
    }

    /// <summary>The job's id, whichever kind it is of.</summary>
    /// <exception cref="CommandException">There is none, or it is not clear which.</exception>
    public async Task<JobId> FindIdAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(Argument) is { } name)
            return await FindIdAsync(client, name, cancel);

        JobId[] ids =
        [
            .. (await client.GetGangsAsync(cancel)).Select(gang => gang.Id), .. (await client.GetJobsAsync(cancel)).Select(job => job.Id),
        ];
        return ids.Length switch
        {
            1 => ids[0],
            0 => throw new CommandException(
                ExitCodes.NotFound, "There is no job.", "Start one with 'coordinator train --silo URL' or 'coordinator run --silo URL'."),
            _ => throw new CommandException(ExitCodes.Usage, $"There are {ids.Length} jobs.", $"Name one: {Some(ids)}."),
        };
    }

    /// <summary>The job.</summary>
    /// <exception cref="CommandException">There is none, or it is not clear which.</exception>
    public async Task<JobView> FindAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(Argument) is { } name)
        {
            var id = await FindIdAsync(client, name, cancel);
            return await client.GetJobAsync(id, cancel)
                ?? throw new CommandException(
                    ExitCodes.Usage, $"Job {id} runs a program, and trains no model of the coordinator's own.",
                    "See it with 'coordinator describe'.");
        }

        var jobs = await client.GetJobsAsync(cancel);
        return jobs.Count switch
        {
            1 => jobs[0],
            0 => throw new CommandException(ExitCodes.NotFound, "There is no job.", "Start one with 'coordinator train --silo URL'."),
            _ => throw new CommandException(
                ExitCodes.Usage, $"There are {jobs.Count} jobs.", $"Name one: {Some([.. jobs.Select(job => job.Id)])}."),
        };
    }

    /// <summary>
    /// The job of an id, or the only one whose id begins so or whose name it is, of either kind. An id that is whole is never taken for
    /// another's beginning.
    /// </summary>
    /// <exception cref="CommandException">There is none, or there are several.</exception>
    public static async Task<JobId> FindIdAsync(CoordinatorClient client, string name, CancellationToken cancel)
    {
        var id = new JobId(name);
        if (JobIds.IsValid(name) && (await client.GetGangAsync(id, cancel) is not null || await client.GetJobAsync(id, cancel) is not null))
            return id;
        (JobId Id, string Name)[] all =
        [
            .. (await client.GetGangsAsync(cancel)).Select(gang => (gang.Id, gang.Spec.Name)),
            .. (await client.GetJobsAsync(cancel)).Select(job => (job.Id, job.Spec.Name)),
        ];
        JobId[] named = [.. all.Where(job => job.Name == name).Select(job => job.Id)];
        var meant = named.Length > 0 || name.Length == 0
            ? named : [.. all.Where(job => job.Id.Value.StartsWith(name, StringComparison.Ordinal)).Select(job => job.Id)];
        var shown = PlainText.Line(name, 64);
        return meant.Length switch
        {
            1 => meant[0],
            0 => throw new CommandException(ExitCodes.NotFound, $"There is no job '{shown}'.", "'coordinator jobs' lists them."),
            _ => throw new CommandException(
                ExitCodes.Usage, $"'{shown}' may be any of {meant.Length} jobs.", $"Write more of the id: {Some(meant)}."),
        };
    }

    /// <summary>Of jobs whose ids alone are known: the one of that id, the only one whose id begins so, or the only one.</summary>
    /// <exception cref="CommandException">There is none, or there are several.</exception>
    public static JobId Meant(IReadOnlyList<JobId> all, string? name)
    {
        var id = new JobId(name ?? "");
        if (name is not null && all.Contains(id))
            return id;
        JobId[] meant = [.. all.Where(job => job.Value.StartsWith(name ?? "", StringComparison.Ordinal))];
        return meant.Length switch
        {
            1 => meant[0],
            0 => throw new CommandException(
                ExitCodes.NotFound, name is null ? "There is no job." : $"There is no job '{PlainText.Line(name, 64)}'.",
                all.Count == 0 ? "No job was ever submitted there." : $"There are: {Some(all)}."),
            _ => throw new CommandException(ExitCodes.Usage, $"There are {meant.Length} such jobs.", $"Name one: {Some(meant)}."),
        };
    }

    private static string Some(IReadOnlyCollection<JobId> jobs)
    {
        const int most = 8;
        return string.Join(", ", jobs.Take(most)) + (jobs.Count > most ? $" and {jobs.Count - most} more" : "");
    }
}
