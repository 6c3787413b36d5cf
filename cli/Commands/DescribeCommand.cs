using System.CommandLine;
using System.Text.Json;
using Coordinator.Cli.Output;
using Coordinator.Configuration;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary><c>describe</c>: everything about one job.</summary>
public static class DescribeCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new JobArgument();
        return QueryCommand.Create(
            "describe",
            "Show one job: its members, and every setting with its value.",
            [job.Argument],
            async (client, parsed, format, cancel) =>
            {
                if (await client.GetGangAsync(await job.FindIdAsync(client, parsed, cancel), cancel) is { } gang)
                {
                    GangDescription.Print(gang, format);
                    return;
                }

                var view = await job.FindAsync(client, parsed, cancel);
                var document = JsonSerializer.SerializeToNode(view, MachinesJson.Default.JobView)!;
                if (format is OutputFormat.Json or OutputFormat.Yaml)
                    new Listing("Job", document, [], []).Print(Console.Out, format);
                else
                    PrintForPeople(view, await client.GetDrainsAsync(cancel), format);
            });
    }

    private static void PrintForPeople(JobView view, IReadOnlyList<DrainView> drains, OutputFormat format)
    {
        var (columns, rows) = JobTable.Of([view]);
        for (var column = 0; column < columns.Count; column++)
            Console.WriteLine($"{columns[column].Title.ToLowerInvariant() + ":",-16}{rows[0][column]}");
        if (view.NoPromise is { } why)
            Console.WriteLine($"{"promise:",-16}{why}");
        if (view.Shortage.Length > 0)
            Console.WriteLine($"{"shortage:",-16}{view.Shortage}");
        foreach (var drain in drains.Where(drain => drain.Jobs.Any(job => job.Job == view.Id)))
        {
            var mine = drain with { Jobs = [.. drain.Jobs.Where(job => job.Job == view.Id)] };
            Console.WriteLine($"{"drain:",-16}{drain.Target} {DrainText.Of(mine)}");
        }

        Console.WriteLine();
        new Listing(
            "MemberList",
            new System.Text.Json.Nodes.JsonArray(),
            [new("RANK"), new("GPU"), new("STATE"), new("SHARDS"), new("CONNECTED"), new("ADDRESS", true), new("BOOT", true)],
            [
                .. view.Members.Select(member => (IReadOnlyList<string>)
                [
                    $"{member.Rank}", member.Gpu.ToString(), member.State, $"{member.Shards}", member.Connected ? "yes" : "no",
                    member.Address, $"{member.Boot}",
                ]),
            ]).Print(Console.Out, format);
        Console.WriteLine();
        Console.Write(JobFile.Write(view.Spec));
    }
}
