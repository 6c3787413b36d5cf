using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary><c>jobs</c>: all jobs.</summary>
public static class JobsCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => QueryCommand.Create("jobs", "List the jobs.", [], async (client, _, cancel) =>
    {
        var jobs = await client.GetJobsAsync(cancel);
        var gangs = await client.GetGangsAsync(cancel);
        foreach (var remark in JobTable.Remarks(jobs))
            Console.Error.WriteLine(remark);
        var (columns, rows) = JobTable.Of(jobs, gangs);
        return new Listing("JobList", new JsonArray([
            .. jobs.Select(job => JsonSerializer.SerializeToNode(job, MachinesJson.Default.JobView)),
            .. gangs.Select(gang => JsonSerializer.SerializeToNode(gang, MachinesJson.Default.GangView)),
        ]), columns, rows);
    });
}
