using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Commands;

/// <summary><c>status</c>: the silo, its workers and its jobs at a glance.</summary>
public static class StatusCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => QueryCommand.Create("status", "Show the silo, its workers and its jobs.", [], AskAsync);

    private static async Task<Listing> AskAsync(CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        var info = await client.GetInfoAsync(cancel);
        var jobs = await client.GetJobsAsync(cancel);
        var gangs = await client.GetGangsAsync(cancel);
        var nodes = await client.GetNodesAsync(cancel);
        var drains = await client.GetDrainsAsync(cancel);
        var document = new JsonObject
        {
            ["silo"] = new JsonObject
            {
                ["name"] = info.Silo,
                ["url"] = client.Url,
                ["engine"] = info.Engine,
                ["version"] = info.CoordinatorVersion,
                ["processId"] = info.ProcessId,
                ["startedAt"] = info.StartedAt.ToString("O"),
                ["workersConnected"] = info.Workers,
                ["nodesKnown"] = nodes.Count,
            },
            ["jobs"] = new JsonArray([
                .. jobs.Select(job => JsonSerializer.SerializeToNode(job, MachinesJson.Default.JobView)),
                .. gangs.Select(gang => JsonSerializer.SerializeToNode(gang, MachinesJson.Default.GangView)),
            ]),
            ["drains"] = new JsonArray([.. drains.Select(drain => JsonSerializer.SerializeToNode(drain, MachinesJson.Default.DrainView))]),
        };
        Console.Error.WriteLine(
            $"silo {info.Silo} at {client.Url}: {info.Engine} engine, process {info.ProcessId}, {info.Workers} of {nodes.Count} workers "
                + "connected");
        foreach (var drain in drains)
            Console.Error.WriteLine($"{drain.Target} is {drain.State}, {DrainText.Of(drain)}");
        foreach (var job in jobs.Where(job => job.Shortage.Length > 0))
            Console.Error.WriteLine($"{job.Id}: {job.Shortage}");
        foreach (var remark in JobTable.Remarks(jobs))
            Console.Error.WriteLine(remark);
        var (columns, rows) = JobTable.Of(jobs, gangs);
        return new Listing("Status", document, columns, rows);
    }
}
