using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary><c>nodes</c>: all nodes.</summary>
public static class NodesCommand
{
    private static readonly IReadOnlyList<Column> Columns =
    [
        new("NODE"), new("CONNECTED"), new("DRAIN"), new("PID"), new("GPUS"), new("RANKS"), new("APPLIED"), new("SILENT"),
        new("DATA ADDRESS", true), new("DEVICE CLASS", true), new("ACTIVITY", true), new("SET ASIDE", true), new("DRAIN REASON", true),
        new("LABELS", true),
    ];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var labels = LabelOption.Create("Only nodes that have this label, such as rack=r12. Given more than once, all of them.");
        return QueryCommand.Create("nodes", "List the nodes and what their gpus do.", [labels], async (client, parsed, cancel) =>
        {
            var nodes = WithAbsent(await client.GetNodesAsync(cancel), await client.GetDrainsAsync(cancel));
            if (parsed.GetValue(labels) is { Length: > 0 } wanted)
                nodes = [.. nodes.Where(node => NodeLabels.HasAll(node.Labels, wanted))];
            return new Listing(
                "NodeList",
                new JsonArray([.. nodes.Select(node => JsonSerializer.SerializeToNode(node, MachinesJson.Default.NodeView))]),
                Columns,
                [.. nodes.Select(Row)]);
        });
    }

    /// <summary>A node that is drained, and was not heard since the silo was started, is listed all the same.</summary>
    private static NodeView[] WithAbsent(IReadOnlyList<NodeView> nodes, IReadOnlyList<DrainView> drains)
    {
        var known = nodes.Select(node => node.Id).ToHashSet();
        return
        [
            .. nodes.Concat(drains.Where(drain => drain.Gpu is null && !known.Contains(drain.Node))
                .Select(drain => new NodeView(drain.Node, false, default, "", 0, [], [], null) { Drain = drain })).OrderBy(node => node.Id),
        ];
    }

    private static IReadOnlyList<string> Row(NodeView node) =>
    [
        node.Id.Value, node.Connected ? "yes" : "no", node.Drain?.State ?? "-",
        $"{node.ProcessId}", $"{node.Gpus.Count}", $"{node.Ranks.Count}",
        node.Ranks.Count == 0 ? "-" : $"{node.Ranks.Min(rank => rank.Applied)}", node.SilentMs is { } silent ? $"{silent:0} ms" : "-",
        node.DataAddress, string.Join(' ', node.Gpus.Select(gpu => gpu.DeviceClass).Distinct()),
        string.Join(' ', node.Ranks.Select(rank => rank.Activity).Distinct()), node.SetAside is { Length: > 0 } why ? why : "-",
        node.Drain is { } drain ? DrainText.Of(drain) : "-",
        NodeLabels.Text(node.Labels) is { Length: > 0 } labels ? labels : "-",
    ];
}
