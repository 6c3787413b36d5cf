using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Planning.Simulation;
using static System.FormattableString;
using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Pages;

/// <summary>Reports of the planning simulator: a headline and a table for people, CSV and JSON for programs.</summary>
internal static class FleetPrinter
{
    private static readonly (Loss Kind, string Name)[] Losses =
    [
        (Loss.Productive, "productive"), (Loss.MissingRanks, "missing ranks"), (Loss.WastedProgress, "wasted progress from disruption"),
        (Loss.InfrastructureRecovery, "infrastructure recovery from disruption"), (Loss.CheckpointSave, "unproductive checkpoint save"),
        (Loss.CheckpointRestore, "unproductive checkpoint restore"), (Loss.Unpowered, "ranks without power"),
    ];

    /// <summary>Names of where time goes, in the order of the tables.</summary>
    public static IReadOnlyList<(Loss Kind, string Name)> Kinds => Losses;

    /// <summary>The headline: what a planner asks first.</summary>
    public static string Headline(FleetReport report)
    {
        var fleet = report.Fleet;
        var policy = report.Policy;
        if (report.Goodput <= 0)
        {
            return Invariant(
                $"{policy}: {fleet.Gpus:N0} {fleet.Accelerator} never finish: in {report.Days:0.#} days no step stayed, at {report.Failures} failures");
        }
        return Invariant(
            $"{policy}: {fleet.Gpus:N0} {fleet.Accelerator} finish {report.Days:0.#} days of work on day {report.Days + report.DaysLate:0.#} ({report.DaysLate:0.0} days late), ")
            + Invariant(
                $"{report.MegawattHours:N0} MWh; {report.SparesWanted} spare nodes would do (there are {fleet.Spares}); a checkpoint every {report.CheckpointInterval / 60:0.0} min");
    }

    /// <summary>All policies side by side.</summary>
    public static string Table(IReadOnlyList<FleetReport> reports)
    {
        var text = new StringBuilder();
        var fleet = reports[0].Fleet;
        text.Append(
            Invariant(
                $"{fleet.Name}: {fleet.AllNodes:N0} nodes of {fleet.GpusPerNode}, {fleet.Ranks} ranks of {fleet.NodesPerRank} nodes, {fleet.Shards} shards, {fleet.StepSeconds:0.##} s a step, {reports[0].Days:0.#} days\n"));
        if (fleet.Growth.Count > 0)
        {
            text.Append(
                Invariant(
                    $"{fleet.Nodes:N0} nodes at the start; {string.Join(", ", fleet.Growth.Select(tranche => Invariant($"{tranche.Nodes:N0} more on day {tranche.Day:0.##}")))}\n"));
        }
        if (Power(fleet.Power, reports[0].PeakMegawatts) is { Length: > 0 } power)
            text.Append(power).Append('\n');
        Row("", report => report.Policy);
        Row("goodput", report => Percent(report.Goodput));
        foreach (var (kind, name) in Losses.Skip(1))
            Row("  " + name, report => Percent(report.Ledger.Share(kind)));
        Row("failures", report => Invariant($"{report.Failures}"));
        Row("mean time between them, min", report => report.Failures == 0 ? "-" : Invariant($"{report.Days * 1440 / report.Failures:0.0}"));
        Row("steps that stay", report => Invariant($"{report.Steps:0}"));
        Row("steps computed again or dropped", report => Invariant($"{report.StepsAgain:0.0}"));
        Row("recovery, median, s", report => Invariant($"{report.Recovery(0.5):0.0}"));
        Row("recovery, p99, s", report => Invariant($"{report.Recovery(0.99):0.0}"));
        Row("generations of the shipping machine", report => report.Generations == 0 ? "-" : Invariant($"{report.Generations}"));
        Row("the model", report => report.Exactness);
        return text.ToString();

        void Row(string name, Func<FleetReport, string> cell) =>
            text.Append($"{name,-44}").Append(string.Join("  ", reports.Select(report => cell(report).PadLeft(34)))).Append('\n');
    }

    /// <summary>One line a policy; then one for each policy at each point of a sweep.</summary>
    public static string Csv(IReadOnlyList<FleetReport> reports, IReadOnlyList<FleetSweep> sweeps)
    {
        var text = new StringBuilder(
            "cluster,policy,days,failures,goodput," + string.Join(',', Losses.Skip(1).Select(loss => loss.Name.Replace(' ', '_')))
                + ",days_late,mwh,spares_wanted,checkpoint_seconds,steps,steps_again,recovery_median_s,recovery_p99_s,sweep,x\n");
        foreach (var (report, sweep, x) in reports.Select(report => (report, "", "")).Concat(
            Points(sweeps).Select(point => (point.Report, Name(point.Sweep), Invariant($"{point.X:R}")))))
        {
            text.Append(Invariant($"{Field(report.Fleet.Name)},{report.Policy},{report.Days:R},{report.Failures},{report.Goodput:R},"))
                .Append(string.Join(',', Losses.Skip(1).Select(loss => Invariant($"{report.Ledger.Share(loss.Kind):R}"))))
                .Append(
                    Invariant(
                        $",{report.DaysLate:R},{report.MegawattHours:R},{report.SparesWanted},{report.CheckpointInterval:R},{report.Steps:R},{report.StepsAgain:R},{report.Recovery(0.5):R},{report.Recovery(0.99):R},{sweep},{x}\n"));
        }

        return text.ToString();
    }

    /// <summary>Everything: an object for each policy; then one for each policy at each point of a sweep, which says so.</summary>
    public static JsonArray Json(IReadOnlyList<FleetReport> reports, IReadOnlyList<FleetSweep> sweeps) =>
    [
        .. reports.Select(Json),
        .. Points(sweeps).Select(point =>
        {
            var json = Json(point.Report);
            (json["sweep"], json["x"]) = (Name(point.Sweep), point.X);
            return json;
        }),
    ];

    private static JsonObject Json(FleetReport report) => new()
    {
        ["cluster"] = report.Fleet.Name,
        ["policy"] = report.Policy,
        ["exactness"] = report.Exactness,
        ["nodes"] = report.Fleet.AllNodes,
        ["gpus"] = report.Fleet.Gpus,
        ["days"] = report.Days,
        ["failures"] = report.Failures,
        ["goodput"] = report.Goodput,
        ["shares"] = new JsonObject(Losses.Select(loss => KeyValuePair.Create(loss.Name, (JsonNode?)report.Ledger.Share(loss.Kind)))),
        ["daysLate"] = Finite(report.DaysLate),
        ["megawattHours"] = Finite(report.MegawattHours),
        ["sparesWanted"] = report.SparesWanted,
        ["spares"] = report.Fleet.Spares,
        ["checkpointSeconds"] = report.CheckpointInterval,
        ["steps"] = report.Steps,
        ["stepsAgain"] = report.StepsAgain,
        ["recoveryMedianSeconds"] = report.Recovery(0.5),
        ["recoveryP99Seconds"] = report.Recovery(0.99),
        ["generations"] = report.Generations,
    };

    private static IEnumerable<(FleetSweep Sweep, double X, FleetReport Report)> Points(IReadOnlyList<FleetSweep> sweeps) =>
        sweeps.SelectMany(sweep => sweep.Points.SelectMany(point => point.Reports.Select(report => (sweep, point.X, report))));

    private static string Name(FleetSweep sweep) => sweep.Kind.ToString().ToLowerInvariant();

    /// <summary>Sweeps as tables: a line for each point, a column for each policy.</summary>
    public static string Table(IReadOnlyList<FleetSweep> sweeps)
    {
        var text = new StringBuilder();
        foreach (var sweep in sweeps)
        {
            text.Append('\n').Append($"{"goodput against " + sweep.Axis,-44}")
                .Append(string.Join("  ", sweep.Points[0].Reports.Select(report => report.Policy.PadLeft(34)))).Append('\n');
            foreach (var (x, reports) in sweep.Points)
            {
                text.Append($"  {SweepPicture.Number(x),-42}")
                    .Append(string.Join("  ", reports.Select(report => Percent(report.Goodput).PadLeft(34)))).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>What kind of figures these are.</summary>
    /// <param name="generations">How many generations the machines formed for a table that stands for all of them; null: all.</param>
    public static string Footnote(int? generations) => generations is { } sample
        ? $"Simulated, not measured; the shipping machines formed {sample} generations, and all others take as long as those of their sort."
        : "Simulated, not measured; the shipping machines formed every generation.";

    /// <summary>What the site may draw, where that is said.</summary>
    private static string Power(PowerSpec power, double draw)
    {
        List<string> parts = [];
        if (power.SiteCapMegawatts is { } cap)
            parts.Add(Invariant($"the site may draw {cap:0.#} MW"));
        if (power.ApprovalLineMegawatts is { } line)
            parts.Add(Invariant($"above {line:0.#} MW from day {power.ApprovalDay:0.##} on, when the approval arrives"));
        if (power.RampMegawattsPerMinute is { } ramp)
            parts.Add(Invariant($"{ramp:0.#} MW more a minute at most"));
        return parts.Count == 0 ? "" : Invariant($"power: {string.Join(", ", parts)}; all ranks at the end draw {draw:0.#} MW");
    }

    /// <summary>A number, or null where a job never finishes.</summary>
    private static JsonValue? Finite(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    private static string Percent(double share) => Invariant($"{share * 100:0.00}%");

    private static string Field(string text) =>
        text.AsSpan().IndexOfAny(",\"\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
