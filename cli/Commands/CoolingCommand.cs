using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>cooling</c>: zones of nodes that are cooled together, and their heat.</summary>
public static class CoolingCommand
{
    private static readonly IReadOnlyList<Column> Columns =
        [new("ZONE"), new("CAPACITY"), new("HEAT"), new("NODES"), new("GPUS"), new("THROTTLED"), new("PATTERNS", true)];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = QueryCommand.Create(
            "cooling", "List cooling zones: capacity, heat by reckoning, and gpus that are throttled.", [], async (client, _, cancel) =>
                Show(await client.GetCoolingAsync(cancel)));
        command.Subcommands.Add(CreateSet());
        var name = NameArgument();
        command.Subcommands.Add(
            QueryCommand.Create("clear", "Take a zone away: its nodes are cooled without limit.", [name], async (client, parsed, cancel) =>
                Show(await client.ClearCoolingZoneAsync(parsed.GetValue(name)!, cancel))));
        return command;
    }

    private static Argument<string> NameArgument() => new("zone") { Description = "Name of the zone." };

    private static Command CreateSet()
    {
        var name = NameArgument();
        var nodes = new Option<string[]>("--nodes")
        {
            Description = "Its nodes: names, or beginnings of names with a star behind, with commas between them, such as n1,hall-a-*. A "
                + "zone that exists keeps those that it has.",
            CustomParser = result => [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries))],
        };
        var capacity = WattsOption.Create(
            "--capacity", "Heat that can be taken away, such as 5MW: draw of its gpus and hosts, without overhead.");
        capacity.Required = true;
        return QueryCommand.Create("set", "Add a zone, or say that its capacity has changed. Where it is too hot, gpus are throttled, "
            + "their work moves, and what finds no other place is given back.", [name, nodes, capacity], async (client, parsed, cancel) =>
        {
            var zone = parsed.GetValue(name)!;
            var patterns = parsed.GetValue(nodes) is { Length: > 0 } given
                ? given
                : (await client.GetCoolingAsync(cancel)).FirstOrDefault(known => known.Zone.Name == zone)?.Zone.Nodes
                    ?? throw new CommandException(
                        ExitCodes.Usage,
                        $"There is no zone {zone}, and --nodes is not given.",
                        "Name its nodes, such as --nodes n1,hall-a-*.");
            var wanted = new CoolingZone(zone, patterns, parsed.GetValue(capacity)!.Value);
            return wanted.Problem() is { } problem
                ? throw new CommandException(ExitCodes.Usage, problem, "See 'coordinator cooling set --help'.")
                : Show(await client.SetCoolingZoneAsync(wanted, cancel));
        });
    }

    private static Listing Show(IReadOnlyList<CoolingZoneView> zones) => new(
        "CoolingZoneList",
        new JsonArray([.. zones.Select(zone => JsonSerializer.SerializeToNode(zone, MachinesJson.Default.CoolingZoneView))]),
        Columns,
        [
            .. zones.Select(zone => (IReadOnlyList<string>)
            [
                zone.Zone.Name, PowerText.Of(zone.Zone.CapacityWatts), PowerText.Of(zone.HeatWatts), $"{zone.Nodes}", $"{zone.Gpus}",
                $"{zone.Throttled}", string.Join(',', zone.Zone.Nodes),
            ]),
        ]);
}
