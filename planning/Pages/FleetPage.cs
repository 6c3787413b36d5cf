using System.Text;
using Coordinator.Planning.Simulation;
using static System.FormattableString;

namespace Coordinator.Planning.Pages;

/// <summary>
/// One self-contained page: headlines, where the time went as a waterfall for each policy, goodput against what a sweep varies, an hour,
/// and the table. No script, nothing loaded.
/// </summary>
internal static class FleetPage
{
    /// <summary>The page.</summary>
    /// <param name="reports">One for each policy, of one cluster.</param>
    /// <param name="seed">Their seed.</param>
    /// <param name="sweeps">Sweeps around the cluster.</param>
    /// <param name="hour">The hour to draw, from 0; null: the one with most failures.</param>
    /// <param name="generations">How many generations the machines formed for a table that stands for all of them; null: all.</param>
    public static string Render(
        IReadOnlyList<FleetReport> reports, ulong seed, IReadOnlyList<FleetSweep> sweeps, int? hour = null, int? generations = null)
    {
        var fleet = reports[0].Fleet;
        var page = new StringBuilder();
        page.Append(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>")
            .Append(Svg.Escaped(fleet.Name))
            .Append("</title>")
            .Append(PageStyle.Sheet)
            .Append('\n');
        page.Append(
            Invariant(
                $"<h1>{Svg.Escaped(fleet.Name)}: {fleet.Gpus:N0} {Svg.Escaped(fleet.Accelerator)}, {reports[0].Days:0.#} days, seed {seed}</h1>\n"));
        foreach (var report in reports)
            page.Append("<p>").Append(Svg.Escaped(FleetPrinter.Headline(report))).Append("</p>\n");
        page.Append("<h2>Where the time goes</h2>\n");
        foreach (var report in reports)
        {
            page.Append(
                Invariant(
                    $"<h3>{Svg.Escaped(report.Policy)}: {report.Goodput * 100:0.00}% of the time trains ({Svg.Escaped(report.Exactness)})</h3>\n")).Append(
                WaterfallPicture.Draw(report));
        }
        foreach (var sweep in sweeps)
        {
            page.Append(Invariant($"<h2>Goodput against {sweep.Axis}</h2>\n")).Append(SweepPicture.Draw(sweep));
            page.Append(Invariant($"<p class=\"q\">{Caption(sweep)}</p>\n"));
        }

        var drawn = hour ?? HourPicture.Worst(reports[0]);
        page.Append(
            Invariant(
                $"<h2>Hour {drawn}: day {drawn / 24}, from {drawn % 24}:00{(hour is null ? ", the one with most failures" : "")}</h2>\n")).Append(
            HourPicture.Draw(reports, drawn));
        page.Append("<h2>Table</h2><pre>").Append(Svg.Escaped(FleetPrinter.Table(reports))).Append("</pre>\n");
        page.Append("<p class=\"q\">").Append(Svg.Escaped(FleetPrinter.Footnote(generations))).Append(
            " The same scenario and seed give this page again, byte for byte.</p></html>\n");
        return page.ToString();
    }

    private static string Caption(FleetSweep sweep)
    {
        var how = sweep.Kind switch
        {
            SweepKind.Size => "Nodes, spares, growth and power in proportion; a step's time stays as it is.",
            SweepKind.Mtbf => "All rates alike.",
            SweepKind.Spares => "Nothing else changes.",
            _ => "Nothing else changes; the middle one is what the shipped rule chose. This coordinator pays the copies only, since it "
                + "goes back to no checkpoint.",
        };
        return Invariant(
            $"{how} Each point: {sweep.Days:0.#} simulated days of all nodes, same seed; generations take as long as those that the shipping machines formed for a sample of each size.");
    }
}
