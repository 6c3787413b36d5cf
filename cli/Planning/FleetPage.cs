using System.Net;
using System.Text;
using Coordinator.Simulator.Planning;
using static Coordinator.Simulator.Planning.GoodputLedger;
using static System.FormattableString;

namespace Coordinator.Cli.Planning;

/// <summary>One self-contained page: headlines, where the time went as a waterfall for each policy, and the table. No script, nothing loaded.</summary>
internal static class FleetPage
{
    private const int Left = 165, Plot = 615, Row = 26;

    private static readonly Dictionary<Loss, string> Colors = new()
    {
        [Loss.Productive] = "#2b7a4b",
        [Loss.MissingRanks] = "#c9b458",
        [Loss.WastedProgress] = "#c8553d",
        [Loss.InfrastructureRecovery] = "#7d4e9e",
        [Loss.CheckpointSave] = "#3a78b5",
        [Loss.CheckpointRestore] = "#8fb4d9",
    };

    /// <summary>The page.</summary>
    public static string Render(IReadOnlyList<FleetReport> reports, ulong seed)
    {
        var fleet = reports[0].Fleet;
        var page = new StringBuilder();
        page.Append("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>").Append(Text(fleet.Name)).Append("</title><style>")
            .Append("body{font:15px/1.5 system-ui,sans-serif;max-width:860px;margin:2rem auto;padding:0 1rem;color:#222}h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:1.6rem}")
            .Append("pre{font-size:12px;overflow-x:auto;background:#f5f5f2;padding:.8rem}svg text{font:12px system-ui,sans-serif;fill:#222}svg{max-width:100%;height:auto}p{margin:.3rem 0}</style>");
        page.Append(Invariant($"<h1>{Text(fleet.Name)}: {fleet.Gpus:N0} {Text(fleet.Accelerator)}, {reports[0].Days:0.#} days, seed {seed}</h1>"));
        foreach (var report in reports)
            page.Append("<p>").Append(Text(FleetPrinter.Headline(report))).Append("</p>");
        foreach (var report in reports)
            Waterfall(page, report);
        page.Append("<h2>Table</h2><pre>").Append(Text(FleetPrinter.Table(reports))).Append("</pre>");
        page.Append("<p>Simulated, not measured. The same scenario and seed give this page again, byte for byte.</p></html>\n");
        return page.ToString();
    }

    /// <summary>From all of the time on the left to what trained on the right: each loss begins where the one before it ended.</summary>
    private static void Waterfall(StringBuilder page, FleetReport report)
    {
        var losses = FleetPrinter.Kinds.Where(kind => kind.Kind != Loss.Productive && report.Ledger.Share(kind.Kind) >= 0.00005).OrderByDescending(kind => report.Ledger.Share(kind.Kind)).ToArray();

        // The axis begins at a round share, so that a tenth of a percent can be seen.
        var from = report.Goodput > 0.99 ? 0.98 : report.Goodput > 0.9 ? 0.9 : report.Goodput > 0.5 ? 0.5 : 0;
        var height = ((losses.Length + 2) * Row) + 24;
        page.Append(Invariant($"<h2>{Text(report.Policy)}: {report.Goodput * 100:0.00}% of the time trains</h2>"));
        page.Append(Invariant($"<svg viewBox=\"0 0 860 {height}\" role=\"img\" aria-label=\"where the time goes under the policy {Text(report.Policy)}\">"));
        var top = 1.0;
        Bar(0, "all time", from, 1, "#999999", "");
        for (var i = 0; i < losses.Length; i++)
        {
            var share = report.Ledger.Share(losses[i].Kind);
            Bar(i + 1, losses[i].Name, top - share, top, Colors[losses[i].Kind], Invariant($"−{share * 100:0.00}%"));
            top -= share;
        }

        Bar(losses.Length + 1, "trains", from, report.Goodput, Colors[Loss.Productive], Invariant($"{report.Goodput * 100:0.00}%"));
        var axis = height - 8;
        page.Append(Invariant($"<text x=\"{Left + 90}\" y=\"{axis}\">{from * 100:0}%</text><text x=\"{Left + Plot - 4}\" y=\"{axis}\" text-anchor=\"end\">100%</text></svg>"));

        void Bar(int row, string name, double low, double high, string color, string label)
        {
            double scale = (Plot - 90) / (1 - from), x = Left + 90 + ((Math.Max(low, from) - from) * scale), width = Math.Max(0.5, (high - Math.Max(low, from)) * scale);
            var y = row * Row;
            page.Append(Invariant($"<text x=\"{Left + 82}\" y=\"{y + 17}\" text-anchor=\"end\">{Text(name)}</text>"));
            page.Append(Invariant($"<rect x=\"{x:0.0}\" y=\"{y + 3}\" width=\"{width:0.0}\" height=\"{Row - 6}\" fill=\"{color}\"/>"));
            page.Append(Invariant($"<text x=\"{Left + Plot + 8}\" y=\"{y + 17}\">{label}</text>"));
        }
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
