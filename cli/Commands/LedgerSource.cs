using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Machines.Ledger;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Storage;

namespace Coordinator.Cli.Commands;

/// <summary>Where a ledger comes from: a silo, or the database file of one, whose processes may all be gone.</summary>
internal sealed class LedgerSource
{
    private readonly JobArgument job = new();
    private readonly ConnectionOptions connection = new();
    private readonly PathOption from = new(PathUse.Read, "--from")
    {
        Description = "Read a silo's database file, coordinator.db in its --data-dir, and ask no silo: for a run whose processes are gone.",
    };

    /// <summary>Adds its argument and options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(job.Argument);
        command.Options.Add(from);
        connection.AddTo(command);
    }

    /// <summary>The ledger of the job that is meant.</summary>
    /// <exception cref="CommandException">There is none, or it is not clear which is meant.</exception>
    public async Task<JobLedger> ReadAsync(ParseResult parsed, CancellationToken cancel)
    {
        if (from.Full(parsed) is { } path)
            return await ReadFileAsync(new SqliteHistory(path), parsed, cancel);
        using var client = connection.Connect(parsed);
        var id = await job.FindIdAsync(client, parsed, cancel);
        return await client.GetLedgerAsync(id, cancel) ?? throw new CommandException(
            ExitCodes.NotFound, $"The silo has no account of job {id}.", "A silo of an earlier build makes none: upgrade it.");
    }

    private async Task<JobLedger> ReadFileAsync(SqliteHistory history, ParseResult parsed, CancellationToken cancel)
    {
        var all = await history.ReadJobsAsync(cancel);
        var id = JobArgument.Meant(all, parsed.GetValue(job.Argument));
        return await LedgerReading.ReadAsync(history, id, now: null, cancel) ?? throw new CommandException(
            ExitCodes.NotFound, $"The file has no account of job {id}.", "Name a silo's database file.");
    }
}
