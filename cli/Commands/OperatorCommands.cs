using System.CommandLine;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;
using Coordinator.Silo.Operator;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>silos</c>, <c>grains</c> and <c>grain</c>: what Orleans itself knows of a cluster, asked as its client. Only their actions load
/// Orleans:
/// no other command's start is to wait for it.
/// </summary>
internal static class OperatorCommands
{
    /// <summary><c>silos</c>.</summary>
    public static Command Silos() => Make(
        "silos",
        "List a cluster's silos with their state, as its membership has them.",
        [],
        (cluster, _, cancel) => PrintAsync(ClusterQueries.SilosAsync(cluster, cancel)));

    /// <summary><c>grains</c>.</summary>
    public static Command Grains() => Make(
        "grains",
        "Count the activations on every silo of a cluster, by type.",
        [],
        (cluster, _, cancel) => PrintAsync(ClusterQueries.GrainsAsync(cluster, cancel)));

    /// <summary><c>grain</c>.</summary>
    public static Command Grain()
    {
        var kind = new Argument<GrainKind>("kind") { Description = "cluster, node, gpu or job." };
        var key = new Argument<string>("key")
        {
            Description = "Key of the grain: the node's name, node/index of a gpu, the job's id.",
            DefaultValueFactory = _ => "cluster",
        };
        return Make("grain", "Show one grain of a cluster as it sees itself, as JSON.", [kind, key], async (cluster, parsed, cancel) =>
        {
            var (of, name) = (parsed.GetValue(kind), parsed.GetValue(key)!);
            Console.WriteLine(await ClusterQueries.GrainAsync(cluster, of, name, cancel)
                ?? throw new CommandException(
                    ExitCodes.NotFound,
                    $"There is no {of.ToString().ToLowerInvariant()} '{name}'.",
                    "See 'coordinator jobs', 'nodes' and 'gpus' for what there is."));
        });
    }

    private static async Task PrintAsync(Task<IReadOnlyList<string>> lines)
    {
        foreach (var line in await lines)
            Console.WriteLine(line);
    }

    private static Command Make(
        string name, string description, Argument[] arguments, Func<ClusterPlace, ParseResult, CancellationToken, Task> run)
    {
        var cluster = ClusterOptionSet.Create();
        cluster.Database.Required = true;
        var command = new Command(name, description + " A silo that runs alone has no door for clients of Orleans: ask it with 'status' "
            + "and 'describe', or see its dashboard.") { cluster.Database, cluster.Cluster };
        foreach (var argument in arguments)
            command.Add(argument);
        command.SetAction(async (parsed, cancel) =>
        {
            try
            {
                await run(new ClusterPlace(cluster.ReadDatabase(parsed)!, parsed.GetValue(cluster.Cluster)!), parsed, cancel);
                return ExitCodes.Success;
            }
            catch (ClusterAwayException away)
            {
                throw new CommandException(
                    ExitCodes.NotFound, away.Message, "Start a silo, or name its cluster with --cluster and its database with --database.");
            }
        });
        return command;
    }
}
