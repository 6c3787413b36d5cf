using static System.FormattableString;

namespace Coordinator.Planning.Pages;

/// <summary>Goodput of each policy against what a sweep varies. Points stand at equal distances, since sweeps go by factors.</summary>
internal static class SweepPicture
{
    private const double Left = 60, Right = 690, Top = 26, Bottom = 190;

    /// <summary>The picture.</summary>
    public static string Draw(FleetSweep sweep)
    {
        var svg = new Svg(Bottom + 44, $"goodput against {sweep.Axis}");
        for (var tick = 0; tick <= 4; tick++)
        {
            svg.Line(Left, Y(tick / 4.0), Right, Y(tick / 4.0), "g");
            svg.Text(Left - 8, Y(tick / 4.0) + 4, Invariant($"{tick * 25}%"), "end", "q");
        }

        for (var i = 0; i < sweep.Points.Count; i++)
            svg.Text(X(i), Bottom + 18, Number(sweep.Points[i].X), "middle", "q");
        svg.Text((Left + Right) / 2, Bottom + 38, sweep.Axis, "middle");
        var policies = sweep.Points[0].Reports.Select(report => report.Policy).ToArray();

        // Names stand beside the last points, apart from each other where the curves end close together; the highest first.
        var labelled = double.NegativeInfinity;
        var labels = policies.Select((policy, i) => (Policy: policy, Number: i, sweep.Points[^1].Reports[i].Goodput))
            .OrderByDescending(label => label.Goodput).ToArray();
        foreach (var (policy, number, goodput) in labels)
        {
            labelled = Math.Max(Y(goodput) + 4, labelled + 15);
            svg.Text(Right + 12, labelled, Invariant($"{policy} {goodput * 100:0.0}%"), "start", PageStyle.Policy(number, 'm'));
        }

        for (var number = policies.Length - 1; number >= 0; number--)
        {
            svg.Path(sweep.Points.Select((point, i) => (X(i), Y(point.Reports[number].Goodput))), PageStyle.Policy(number, 'c'));
            for (var i = 0; i < sweep.Points.Count; i++)
            {
                var goodput = sweep.Points[i].Reports[number].Goodput;
                svg.Mark(
                    X(i),
                    Y(goodput),
                    number,
                    number == 2 ? 6 : 4,
                    PageStyle.Policy(number, 'm'),
                    Invariant($"{policies[number]}: {goodput * 100:0.00}% at {Number(sweep.Points[i].X)} {sweep.Axis}"));
            }
        }

        for (var i = 0; i < sweep.Points.Count; i++)
        {
            svg.Text(
                X(i),
                Y(sweep.Points[i].Reports[0].Goodput) - 10,
                Invariant($"{sweep.Points[i].Reports[0].Goodput * 100:0.0}"),
                "middle",
                PageStyle.Policy(0, 'm'));
        }
        return svg.ToString();

        double X(int point) => Left + 30 + (point * (Right - Left - 60) / Math.Max(1, sweep.Points.Count - 1));

        static double Y(double goodput) => Bottom - (goodput * (Bottom - Top));
    }

    /// <summary>With three digits where it is small.</summary>
    public static string Number(double value) =>
        value >= 100 ? Invariant($"{value:N0}") : value >= 10 ? Invariant($"{value:0.#}") : Invariant($"{value:0.##}");
}
