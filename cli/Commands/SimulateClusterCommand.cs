using System.CommandLine;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Planning;
using Coordinator.Planning.Pages;
using Coordinator.Planning.Scenarios;
using Coordinator.Planning.Simulation;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;
using Spectre.Console;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>simulate cluster</c>: months of a large cluster in minutes, under this coordinator's machines and under others' policies.
/// </summary>
internal static class SimulateClusterCommand
{
    private const string Sweeps = "size, mtbf, spares, interval (several with commas between them), all or none";

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var preset = new Option<string>("--preset")
        {
            Description = $"One of {string.Join(", ", FleetPresets.All.Select(one => one.Name))}.",
            DefaultValueFactory = _ => "colossus-100k",
        };
        preset.AcceptOnlyFromAmong([.. FleetPresets.All.Select(one => one.Name)]);
        var file = new PathOption(PathUse.Read, "--file", "-f")
        {
            Description = "A scenario of your own: YAML, a preset with changes or a whole cluster (docs/scale.md).",
        };
        var days = new Option<double>("--days") { Description = "Simulated days.", DefaultValueFactory = _ => 90 };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Decides what fails when; the same for all policies.",
            DefaultValueFactory = _ => 1,
        };
        var policy = new Option<string[]>("--policy")
        {
            Description = $"Which of {string.Join(", ", FleetSimulation.Policies)} (default: all).",
            AllowMultipleArgumentsPerToken = true,
        };
        policy.AcceptOnlyFromAmong([.. FleetSimulation.Policies]);
        var spares = new Option<int?>("--spares") { Description = "Spare nodes, in place of the scenario's." };
        var approval = new Option<double?>("--approval-day")
        {
            Description = "Day on which the utility approves a draw above the "
            + "scenario's approval line, in place of the scenario's; until then ranks above it have no power."
        };
        var sampled = new Option<bool>("--sampled")
        {
            Description = "Let the machines form a sample of generations of each sort, and take "
            + "their times for all others: seconds in place of minutes, and much the same figures."
        };
        var sweep = new Option<string?>("--sweep") { Description = $"Goodput against {Sweeps} (default: all with --html, else none)." };
        var hour = new Option<int?>("--hour")
        {
            Description = "Hour that the page's timeline shows, counted from 0 (default: the one with most failures).",
        };
        var csv = new PathOption(PathUse.Write, "--csv") { Description = "Also writes the table to this file, for programs." };
        var html = new PathOption(PathUse.Write, "--html")
        {
            Description = "Also writes one self-contained page with pictures to this file.",
        };
        var output = OutputOption.Create();
        Checks.InRange(days, 0.1, 3650);
        spares.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 0 and var few)
                result.AddError($"--spares is {few}; choose 0 or more.");
        });
        approval.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is { } day && day is not (>= 0 and <= 3650))
                result.AddError($"--approval-day is {day}; choose 0 to 3650.");
        });
        sweep.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && Kinds(text) is null)
                result.AddError($"--sweep is '{text}'; choose {Sweeps}.");
        });
        var command = new Command("cluster", "Months of a cluster of thousands of nodes in minutes: what failures cost under this "
            + "coordinator, under restarts and under dropped steps.")
        {
            preset, file, days, seed, policy, spares, approval, sampled, sweep, hour, csv, html, output,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(file) is not null && result.GetResult(preset) is { Implicit: false })
                result.AddError("--preset and --file are two clusters; name one. A file can begin from a preset: cluster.preset.");
            if (result.GetValue(hour) is { } drawn && !(drawn >= 0 && drawn < result.GetValue(days) * 24))
            {
                result.AddError(FormattableString.Invariant(
                    $"--hour is {drawn}; choose 0 to {Math.Ceiling(result.GetValue(days) * 24) - 1} of {result.GetValue(days)} days."));
            }
            if (result.GetValue(hour) is not null && result.GetValue(html) is null)
                result.AddError("--hour chooses what the page shows; name the page with --html.");
        });
        command.SetAction(async (parsed, cancel) =>
        {
            // Looked at first: a place where nothing can be written is told before the minutes, not after them.
            var table = csv.Output(parsed);
            var page = html.Output(parsed);
            var fleet = file.Full(parsed) is { } path ? ScenarioFile.Load(path) : FleetPresets.Find(parsed.GetValue(preset)!)!;
            if (parsed.GetValue(spares) is { } count)
                fleet = fleet with { Spares = count };
            if (parsed.GetValue(approval) is { } day)
                fleet = Approved(fleet, day);
            var format = parsed.GetValue(output);
            var chosen = parsed.GetValue(policy) is { Length: > 0 } some ? [.. some.Distinct()] : FleetSimulation.Policies;
            var kinds = Kinds(parsed.GetValue(sweep) ?? (parsed.GetValue(html) is null ? "none" : "all"))!;
            var plan = ClusterPlan.Run(
                fleet, parsed.GetValue(days), parsed.GetValue(seed), chosen, kinds, parsed.GetValue(sampled),
                Console.IsErrorRedirected
                    ? null
                    : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(StandardStreams.StyledError) }));
            if (table is not null)
                await table.WriteAsync(FleetPrinter.Csv(plan.Reports, plan.Sweeps), cancel);
            if (page is not null)
            {
                await page.WriteAsync(
                    FleetPage.Render(plan.Reports, parsed.GetValue(seed), plan.Sweeps, parsed.GetValue(hour), plan.Sample), cancel);
            }
            if (format is OutputFormat.Json or OutputFormat.Yaml)
            {
                new Listing("ClusterSimulationList", FleetPrinter.Json(plan.Reports, plan.Sweeps), [], []).Print(Console.Out, format);
                return ExitCodes.Success;
            }

            foreach (var report in plan.Reports)
                Console.WriteLine(FleetPrinter.Headline(report));
            Console.WriteLine();
            Console.Write(FleetPrinter.Table(plan.Reports));
            Console.Write(FleetPrinter.Table(plan.Sweeps));
            Console.WriteLine(FleetPrinter.Footnote(plan.Sample));
            return ExitCodes.Success;
        });
        return command;
    }

    private static FleetSpec Approved(FleetSpec fleet, double day)
    {
        var later = fleet with { Power = fleet.Power with { ApprovalDay = day } };
        return later.Problems().FirstOrDefault() is { Problem: { } problem }
            ? throw new CommandException(
                ExitCodes.Usage,
                FormattableString.Invariant($"--approval-day {day}: {problem}"),
                "colossus-100k has an approval line; a scenario file gives a cluster one with power.approval_line_megawatts.")
            : later;
    }

    /// <summary>The sweeps that a text names; null: it names something else.</summary>
    private static SweepKind[]? Kinds(string text)
    {
        if (text is "none" or "all")
            return text == "all" ? Enum.GetValues<SweepKind>() : [];
        var kinds = text.Split(',').Select(name => Enum.GetValues<SweepKind>().Cast<SweepKind?>().FirstOrDefault(
            kind => kind!.Value.ToString().Equals(name.Trim(), StringComparison.OrdinalIgnoreCase))).ToArray();
        return kinds.Contains(null) ? null : [.. kinds.Select(kind => kind!.Value).Distinct()];
    }
}
