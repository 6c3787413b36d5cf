using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Runs.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;

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
        var generation = new Option<long?>("--generation")
        {
            Description = "An earlier start's log (default: the newest): a generation of a gang, or a start of a training job's program "
                + "on its gpu.",
        };
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
        var gpu = new Option<int?>("--gpu")
        {
            Description = "With --node, the index of the gpu there that a training job's program ran on (default: 0).",
        };
        return QueryCommand.Create("logs", "Show what a rank of a job's program said.", [
            job.Argument, rank, follow, generation, node, gpu, tail, times,
        ], async (client, parsed, _, cancel) =>
        {
            var (id, trains) = await FindAsync(job, client, parsed, cancel);
            var ranks = parsed.GetValue(rank) is { Length: > 0 } named ? named : [0];
            var calls = new SiloCalls(client, cluster: null);
            var printer = new LogPrinter(Console.Out, Console.Error, withRanks: ranks.Length > 1, withTimes: parsed.GetValue(times));
            if (parsed.GetValue(follow))
            {
                await (trains
                    ? new ProgramLogRun(calls, id, printer, ranks).FollowAsync(cancel)
                    : new GangRun(calls, id, printer, _ => ranks).FollowAsync(cancel));
                return;
            }

            foreach (var one in ranks)
            {
                var at = parsed.GetValue(node) is { } named2 ? new NodeId(named2) : (NodeId?)null;
                var start = parsed.GetValue(tail) is { } bytes ? -bytes : 0;
                if (!await new LogFollower(calls, id, trains, one, printer).PrintAsync(
                    parsed.GetValue(generation), start, at, parsed.GetValue(gpu), cancel))
                {
                    throw new CommandException(
                        ExitCodes.NotFound,
                        $"There is no log of rank {one} of job {id}.",
                        "It may not have started yet, or its node is away; --node and --generation name others.");
                }
            }
        });
    }

    private static async Task<(JobId Id, bool Trains)> FindAsync(
        JobArgument job, CoordinatorClient client, ParseResult parsed, CancellationToken cancel)
    {
        var id = await job.FindIdAsync(client, parsed, cancel);
        if (await client.GetJobAsync(id, cancel) is { } training)
        {
            return ProgramKinds.Of(training.Spec) is { IsProcess: true } ? (id, true) : throw new CommandException(
                ExitCodes.Usage,
                $"Job {id} trains {training.Spec.Program?.Entry ?? training.Spec.Model.Program}, which its workers compute themselves: "
                    + "there is no process whose words were kept.",
                "See its events with 'coordinator events', and what a worker said where the worker runs.");
        }

        return (id, false);
    }
}
