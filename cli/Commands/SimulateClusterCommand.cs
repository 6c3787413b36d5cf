using System.CommandLine;
using Coordinator.Cli.Output;
using Coordinator.Cli.Planning;
using Coordinator.Simulator.Planning;
using Spectre.Console;

namespace Coordinator.Cli.Commands;

/// <summary><c>simulate cluster</c>: months of a large cluster in minutes, under this coordinator's machines and under others' policies.</summary>
internal static class SimulateClusterCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var preset = new Option<string>("--preset") { Description = $"One of {string.Join(", ", FleetPresets.All.Select(one => one.Name))}.", DefaultValueFactory = _ => "colossus-100k" };
        preset.AcceptOnlyFromAmong([.. FleetPresets.All.Select(one => one.Name)]);
        var file = new Option<string?>("--file", "-f") { Description = "A scenario of your own: YAML with the sections cluster, costs, failures, repair_hours, nodes_together (docs/scale.md)." };
        var days = new Option<double>("--days") { Description = "Simulated days.", DefaultValueFactory = _ => 90 };
        var seed = new Option<ulong>("--seed") { Description = "Decides what fails when; the same for all policies.", DefaultValueFactory = _ => 1 };
        var policy = new Option<string[]>("--policy") { Description = $"Which of {string.Join(", ", FleetSimulation.Policies)} (default: all).", AllowMultipleArgumentsPerToken = true };
        policy.AcceptOnlyFromAmong([.. FleetSimulation.Policies]);
        var spares = new Option<int?>("--spares") { Description = "Spare nodes, in place of the scenario's." };
        var csv = new Option<string?>("--csv") { Description = "Also writes the table to this file, for programs." };
        var html = new Option<string?>("--html") { Description = "Also writes one self-contained page with pictures to this file." };
        var output = OutputOption.Create();
        Checks.InRange(days, 0.1, 3650);
        spares.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 0 and var few)
                result.AddError($"--spares is {few}; choose 0 or more.");
        });
        var command = new Command("cluster", "Months of a cluster of thousands of nodes in minutes: what failures cost under this coordinator, under restarts and under dropped steps.")
        {
            preset, file, days, seed, policy, spares, csv, html, output,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(file) is not null && result.GetResult(preset) is { Implicit: false })
                result.AddError("--preset and --file are two clusters; name one. A file can begin from a preset: cluster.preset.");
        });
        command.SetAction(parsed =>
        {
            var fleet = parsed.GetValue(file) is { } path ? ScenarioFile.Load(path) : FleetPresets.Find(parsed.GetValue(preset)!)!;
            if (parsed.GetValue(spares) is { } count)
                fleet = fleet with { Spares = count };
            var format = parsed.GetValue(output);
            var chosen = parsed.GetValue(policy) is { Length: > 0 } some ? [.. some.Distinct()] : FleetSimulation.Policies;

            // Opened first: a place where nothing can be written is told before the minutes, not after them.
            using var table = Open(parsed.GetValue(csv), "--csv");
            using var page = Open(parsed.GetValue(html), "--html");
            var reports = Run(fleet, parsed.GetValue(days), parsed.GetValue(seed), chosen);
            table?.Write(FleetPrinter.Csv(reports));
            page?.Write(FleetPage.Render(reports, parsed.GetValue(seed)));
            if (format is OutputFormat.Json or OutputFormat.Yaml)
            {
                new Listing("ClusterSimulationList", FleetPrinter.Json(reports), [], []).Print(Console.Out, format);
                return ExitCodes.Success;
            }

            foreach (var report in reports)
                Console.WriteLine(FleetPrinter.Headline(report));
            Console.WriteLine();
            Console.Write(FleetPrinter.Table(reports));
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>All policies, with a bar for each on the terminal, if there is one.</summary>
    private static List<FleetReport> Run(FleetSpec fleet, double days, ulong seed, IReadOnlyList<string> policies)
    {
        var terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (Console.IsErrorRedirected)
            return [.. policies.Select(policy => FleetSimulation.Run(fleet, days, seed, policy))];
        return terminal.Progress().AutoClear(true).Start(bars => policies.Select(policy =>
        {
            var bar = bars.AddTask(Markup.Escape($"{fleet.Name}, {policy}, days"), maxValue: days);
            var report = FleetSimulation.Run(fleet, days, seed, policy, day => bar.Value = day);
            bar.Value = days;
            return report;
        }).ToList());
    }

    private static StreamWriter? Open(string? path, string option)
    {
        try
        {
            return path is null ? null : File.CreateText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandException(ExitCodes.Usage, $"{option} {path} cannot be written: {e.Message}", "Name a file in a folder that exists.");
        }
    }
}
