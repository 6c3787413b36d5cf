using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Runs.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>logs</c>: what a rank of a job's program said.</summary>
public static class LogsCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new JobArgument();
        var rank = new Option<int[]>("--rank") { Description = "The rank (default: 0). Repeatable." };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what comes, through restarts, until the job is over." };
        var generation = new Option<long?>("--generation") { Description = "An earlier start's log (default: the newest)." };
        var node = new Option<string?>("--node") { Description = "The node whose log it is, where the rank was elsewhere before." };
        var tail = new Option<long?>("--tail-bytes") { Description = "Only so much of the end." };
        rank.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int[]>() is { } ranks && ranks.Any(one => one < 0))
                result.AddError($"--rank is {ranks.First(one => one < 0)}; choose 0 or more.");
        });
        foreach (var option in new[] { generation, tail })
        {
            option.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<long?>() is < 0 and var below)
                    result.AddError($"{option.Name} is {below}; choose 0 or more.");
            });
        }

        var times = new Option<bool>("--timestamps") { Description = "With the time before each line." };
        return QueryCommand.Create("logs", "Show what a rank of a job's program said.", [
            job.Argument, rank, follow, generation, node, tail, times,
        ], async (client, parsed, _, cancel) =>
        {
            var gang = await job.FindGangAsync(client, parsed, cancel);
            var ranks = parsed.GetValue(rank) is { Length: > 0 } named ? named : [0];
            var calls = new SiloCalls(client, cluster: null);
            var printer = new LogPrinter(Console.Out, Console.Error, withRanks: ranks.Length > 1, withTimes: parsed.GetValue(times));
            if (parsed.GetValue(follow))
            {
                await new GangRun(calls, gang.Id, printer, _ => ranks).FollowAsync(cancel);
                return;
            }

            foreach (var one in ranks)
            {
                var at = parsed.GetValue(node) is { } named2 ? new NodeId(named2) : (NodeId?)null;
                if (!await new LogFollower(calls, gang.Id, one, printer).PrintAsync(
                    parsed.GetValue(generation), parsed.GetValue(tail) is { } bytes ? -bytes : 0, at, cancel))
                {
                    throw new CommandException(
                        ExitCodes.NotFound,
                        $"There is no log of rank {one} of job {gang.Id}.",
                        "It may not have started yet, or its node is away; --node and --generation name others.");
                }
            }
        });
    }
}
