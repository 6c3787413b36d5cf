using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Simulator.Planning;
using static Coordinator.Simulator.Planning.GoodputLedger;
using static System.FormattableString;

namespace Coordinator.Cli.Planning;

/// <summary>Reports of the planning simulator: a headline and a table for people, CSV and JSON for programs.</summary>
internal static class FleetPrinter
{
    private static readonly (Loss Kind, string Name)[] Losses =
    [
        (Loss.Productive, "productive"), (Loss.MissingRanks, "missing ranks"), (Loss.WastedProgress, "wasted progress from disruption"),
        (Loss.InfrastructureRecovery, "infrastructure recovery from disruption"), (Loss.CheckpointSave, "unproductive checkpoint save"),
        (Loss.CheckpointRestore, "unproductive checkpoint restore"),
    ];

    /// <summary>Names of where time goes, in the order of the tables.</summary>
    public static IReadOnlyList<(Loss Kind, string Name)> Kinds => Losses;

    /// <summary>The headline: what a planner asks first.</summary>
    public static string Headline(FleetReport report)
    {
        var fleet = report.Fleet;
        var policy = report.Policy;
        if (report.Goodput <= 0)
            return Invariant($"{policy}: {fleet.Gpus:N0} {fleet.Accelerator} never finish: in {report.Days:0.#} days no step stayed, at {report.Failures} failures");
        return Invariant($"{policy}: {fleet.Gpus:N0} {fleet.Accelerator} finish {report.Days:0.#} days of work on day {report.Days / report.Goodput:0.#} ({report.DaysLate:0.0} days late), ")
            + Invariant($"{report.MegawattHours / report.Goodput:N0} MWh; {report.SparesWanted} spare nodes would do (there are {fleet.Spares}); a checkpoint every {report.CheckpointInterval / 60:0.0} min");
    }

    /// <summary>All policies side by side.</summary>
    public static string Table(IReadOnlyList<FleetReport> reports)
    {
        var text = new StringBuilder();
        var fleet = reports[0].Fleet;
        text.Append(Invariant($"{fleet.Name}: {fleet.Nodes:N0} nodes of {fleet.GpusPerNode}, {fleet.Ranks} ranks of {fleet.NodesPerRank} nodes, {fleet.Shards} shards, {fleet.StepSeconds:0.##} s a step, {reports[0].Days:0.#} days\n"));
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

        void Row(string name, Func<FleetReport, string> cell) => text.Append($"{name,-44}").Append(string.Join("  ", reports.Select(report => cell(report).PadLeft(34)))).Append('\n');
    }

    /// <summary>One line a policy.</summary>
    public static string Csv(IReadOnlyList<FleetReport> reports)
    {
        var text = new StringBuilder("cluster,policy,days,failures,goodput," + string.Join(',', Losses.Skip(1).Select(loss => loss.Name.Replace(' ', '_'))) + ",days_late,mwh,spares_wanted,checkpoint_seconds,steps,steps_again,recovery_median_s,recovery_p99_s\n");
        foreach (var report in reports)
        {
            text.Append(Invariant($"{Field(report.Fleet.Name)},{report.Policy},{report.Days:R},{report.Failures},{report.Goodput:R},"))
                .Append(string.Join(',', Losses.Skip(1).Select(loss => Invariant($"{report.Ledger.Share(loss.Kind):R}"))))
                .Append(Invariant($",{report.DaysLate:R},{report.MegawattHours / report.Goodput:R},{report.SparesWanted},{report.CheckpointInterval:R},{report.Steps:R},{report.StepsAgain:R},{report.Recovery(0.5):R},{report.Recovery(0.99):R}\n"));
        }

        return text.ToString();
    }

    /// <summary>Everything.</summary>
    public static JsonArray Json(IReadOnlyList<FleetReport> reports) =>
    [
        .. reports.Select(report => (JsonNode)new JsonObject
        {
            ["cluster"] = report.Fleet.Name, ["policy"] = report.Policy, ["exactness"] = report.Exactness, ["nodes"] = report.Fleet.Nodes, ["gpus"] = report.Fleet.Gpus,
            ["days"] = report.Days, ["failures"] = report.Failures, ["goodput"] = report.Goodput,
            ["shares"] = new JsonObject(Losses.Select(loss => KeyValuePair.Create(loss.Name, (JsonNode?)report.Ledger.Share(loss.Kind)))),
            ["daysLate"] = Finite(report.DaysLate), ["megawattHours"] = Finite(report.MegawattHours / report.Goodput), ["sparesWanted"] = report.SparesWanted, ["spares"] = report.Fleet.Spares,
            ["checkpointSeconds"] = report.CheckpointInterval, ["steps"] = report.Steps, ["stepsAgain"] = report.StepsAgain,
            ["recoveryMedianSeconds"] = report.Recovery(0.5), ["recoveryP99Seconds"] = report.Recovery(0.99), ["generations"] = report.Generations,
        }),
    ];

    /// <summary>A number, or null where a job never finishes.</summary>
    private static JsonValue? Finite(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    private static string Percent(double share) => Invariant($"{share * 100:0.00}%");

    private static string Field(string text) => text.AsSpan().IndexOfAny(",\"\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
