using System.Text;
using Coordinator.Planning.Simulation;
using static System.FormattableString;
using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Pages;

/// <summary>
/// One hour, minute by minute: what failed, and for each policy a band of what the job did, with the ranks that were missing under it.
/// </summary>
internal static class HourPicture
{
    private const double Left = 110, Right = 845, Band = 34, Strip = 18, Block = Band + Strip + 16, Top = 40;

    private static readonly Loss[] Shown =
    [
        Loss.Productive, Loss.InfrastructureRecovery, Loss.CheckpointRestore, Loss.WastedProgress, Loss.MissingRanks,
    ];

    /// <summary>The hour, counted from 0, in which most failures struck; the first of several.</summary>
    public static int Worst(FleetReport report) =>
        report.Strikes.Count == 0 ? 0 : report.Strikes.GroupBy(strike => (int)(strike.At / 3600)).OrderByDescending(hour => hour.Count())
            .ThenBy(hour => hour.Key).First().Key;

    /// <summary>The picture, and the list of its failures.</summary>
    public static string Draw(IReadOnlyList<FleetReport> reports, int hour)
    {
        double from = hour * 3600.0, to = from + 3600;
        var strikes = reports[0].Strikes.Where(strike => strike.At >= from && strike.At < to).ToArray();
        var svg = new Svg(Top + (reports.Count * Block) + 44, Invariant($"what happened in hour {hour}"));
        for (var minute = 0; minute <= 60; minute += 10)
        {
            svg.Line(X(from + (minute * 60)), Top - 6, X(from + (minute * 60)), Top + (reports.Count * Block) - 8, "g");
            svg.Text(
                X(from + (minute * 60)),
                Top + (reports.Count * Block) + 8,
                Invariant($"{minute} min"),
                minute == 60 ? "end" : "middle",
                "q");
        }

        svg.Text(Left - 10, 22, "failures", "end");
        foreach (var strike in strikes)
            svg.Mark(X(strike.At), 18, ShapeOf(strike.Cause), 5, "f-ink", Said(strike, from));
        var stretches = reports.Select(report => report.Timeline.Where(stretch => stretch.To > from && stretch.From < to).ToArray())
            .ToArray();
        var ranks = reports[0].Fleet.Ranks;
        var most = Math.Max(1, stretches.SelectMany(one => one).Where(stretch => stretch.Doing == Loss.Productive)
            .Select(stretch => ranks - stretch.Ranks).DefaultIfEmpty(0).Max());
        for (var i = 0; i < reports.Count; i++)
        {
            var y = Top + (i * Block);
            svg.Text(Left - 10, y + (Band / 2) + 4, reports[i].Policy, "end", "b");
            svg.Text(Left - 10, y + Band + Strip - 3, Invariant($"missing, to {most}"), "end", "q");
            foreach (var stretch in stretches[i])
            {
                // A recovery of a second is less than a point wide, and what is told here is that it was.
                double x = X(Math.Max(from, stretch.From)), width = X(Math.Min(to, stretch.To)) - x;
                var hint = Invariant(
                    $"{FleetPrinter.Kinds.First(kind => kind.Kind == stretch.Doing).Name}, {stretch.To - stretch.From:0.#} s, {stretch.Ranks} ranks");
                svg.Rect(x, y, stretch.Doing == Loss.Productive ? width : Math.Max(1, width), Band, PageStyle.Fill(stretch.Doing), hint);
                if (stretch.Doing == Loss.Productive && ranks > stretch.Ranks)
                {
                    var height = Math.Max(1.5, Strip * (ranks - stretch.Ranks) / most);
                    svg.Rect(
                        x,
                        y + Band + Strip - height,
                        width,
                        height,
                        PageStyle.Fill(Loss.MissingRanks),
                        Invariant($"{ranks - stretch.Ranks} of {ranks} ranks missing"));
                }
            }

            svg.Line(Left, y + Band + Strip, Right, y + Band + Strip, "g");
        }

        Legend(svg, Top + (reports.Count * Block) + 32);
        return svg + List(strikes, from);

        double X(double at) => Left + ((at - from) / 3600 * (Right - Left));
    }

    private static void Legend(Svg svg, double y)
    {
        var x = Left;
        foreach (var kind in Shown)
        {
            var name = kind switch
            {
                Loss.Productive => "trains",
                Loss.InfrastructureRecovery => "recovers or restarts",
                Loss.CheckpointRestore => "reads a checkpoint",
                Loss.WastedProgress => "trained in vain",
                _ => "ranks missing meanwhile",
            };
            svg.Rect(x, y - 9, 10, 10, PageStyle.Fill(kind));
            svg.Text(x + 15, y, name, "start", "q");
            x += 35 + (name.Length * 6.3);
        }
    }

    private static string List(IReadOnlyList<Failure> strikes, double from)
    {
        if (strikes.Count == 0)
            return "<p class=\"q\">Nothing failed in this hour.</p>\n";
        var text = new StringBuilder("<p class=\"q\">Marks: a disc for a process, a square for a node, a triangle for a part that nodes "
            + "share.</p><table><tr><th>minute</th><th>what failed</th><th>from node</th><th>nodes</th><th>remedy</th></tr>");
        foreach (var strike in strikes)
        {
            text.Append(
                Invariant(
                    $"<tr><td>{(strike.At - from) / 60:0.0}</td><td>{Svg.Escaped(strike.Cause.Name)}</td><td>{strike.FirstNode}</td><td>{strike.Cause.Nodes}</td><td>{(strike.Cause.Remedy == Remedy.Restart ? "process starts again" : Invariant($"replaced; repaired after {strike.RepairSeconds / 3600:0.0} h"))}</td></tr>"));
        }

        return text.Append("</table>\n").ToString();
    }

    private static string Said(Failure strike, double from) =>
        Invariant(
            $"{(strike.At - from) / 60:0.0} min: {strike.Cause.Name}, node {strike.FirstNode}{(strike.Cause.Nodes > 1 ? $" and {strike.Cause.Nodes - 1} more" : "")}");

    private static int ShapeOf(FailureCause cause) => cause.Nodes > 1 ? 2 : cause.Remedy == Remedy.Restart ? 0 : 1;
}
