using Coordinator.Planning.Simulation;
using static System.FormattableString;
using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Pages;

/// <summary>
/// Where a policy's time went: from all of it on the left to what trained; each loss begins where the one before it ended.
/// </summary>
internal static class WaterfallPicture
{
    private const double Left = 265, Right = 780, Row = 26;

    /// <summary>The picture.</summary>
    public static string Draw(FleetReport report)
    {
        var losses = FleetPrinter.Kinds.Where(kind => kind.Kind != Loss.Productive && report.Ledger.Share(kind.Kind) >= 0.00005)
            .OrderByDescending(kind => report.Ledger.Share(kind.Kind)).ToArray();

        // The axis begins at a round share, so that a tenth of a percent can be seen.
        var from = report.Goodput > 0.98 ? 0.98 : report.Goodput > 0.9 ? 0.9 : report.Goodput > 0.5 ? 0.5 : 0;
        var height = ((losses.Length + 2) * Row) + 22;
        var svg = new Svg(height, $"where the time goes under the policy {report.Policy}");
        for (var tick = 0; tick <= 4; tick++)
        {
            double share = from + ((1 - from) * tick / 4), x = X(share);
            svg.Line(x, 0, x, height - 20, "g");
            svg.Text(x, height - 6, Invariant($"{share * 100:0.###}%"), "middle", "q");
        }

        var top = 1.0;
        Bar(0, "all time", from, 1, "f-all", "");
        for (var i = 0; i < losses.Length; i++)
        {
            var share = report.Ledger.Share(losses[i].Kind);
            Bar(i + 1, losses[i].Name, top - share, top, PageStyle.Fill(losses[i].Kind), Invariant($"−{share * 100:0.00}%"));
            top -= share;
        }

        Bar(losses.Length + 1, "trains", from, report.Goodput, PageStyle.Fill(Loss.Productive), Invariant($"{report.Goodput * 100:0.00}%"));
        return svg.ToString();

        double X(double share) => Left + ((share - from) / (1 - from) * (Right - Left));

        void Bar(int row, string name, double low, double high, string style, string label)
        {
            double x = X(Math.Max(low, from)), y = row * Row;
            svg.Text(Left - 8, y + 17, name, "end");
            svg.Rect(x, y + 3, Math.Max(0.5, X(Math.Max(high, from)) - x), Row - 6, style);
            svg.Text(Right + 8, y + 17, label);
        }
    }
}
