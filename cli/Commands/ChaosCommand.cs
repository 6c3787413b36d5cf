using System.CommandLine;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Lab.Chaos;
using Coordinator.Lab.Chaos.Scenarios;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>chaos</c>: real processes under real faults, one scenario after the other, each held to the undisturbed run.</summary>
public sealed class ChaosCommand
{
    private readonly Option<string[]> scenarios = new("--scenario", "-s")
    {
        Description = "A scenario to run; repeatable (default: all).",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<bool> quick = new("--quick")
    {
        Description = "Only the scenarios marked quick: seven of them, some of each kind.",
    };
    private readonly Option<bool> list = new("--list")
    {
        Description = "List the scenarios, and what this machine lacks for them, and run none.",
    };
    private readonly Option<ulong> seed = new("--seed")
    {
        Description = "Decides the training, and who is hit when.",
        DefaultValueFactory = _ => 1,
    };
    private readonly PathOption workDirectory = new(PathUse.Folder, "--work-dir")
    {
        Description = "Where databases and logs go and stay (default: a temporary directory, which stays where a scenario failed).",
    };
    private readonly Option<ChaosInjection> inject = new("--inject")
    {
        Description = "flip: one worker flips one bit of one contribution. forget: the record of one step is deleted. Every scenario must "
            + "then fail, and the exit code be 1.",
    };
    private readonly Option<OutputFormat> output = OutputOption.Create();
    private readonly SilosOptionSet silos = new();

    /// <summary>The command.</summary>
    public static Command Create() => new ChaosCommand().Build();

    private Command Build()
    {
        var command = new Command("chaos", "Kill, freeze, cut off, starve and damage real processes, and hold each run to the undisturbed "
            + "one: the same hash, no step missing.")
        {
            scenarios, quick, list, seed, workDirectory, inject, output,
        };
        silos.AddTo(command);
        scenarios.Validators.Add(result =>
        {
            foreach (var name in result.Tokens.Select(token => token.Value).Where(name => ChaosScenarios.Find(name) is null))
                result.AddError($"there is no scenario {name}; 'coordinator chaos --list' shows them.");
        });
        command.Validators.Add(result =>
        {
            if (result.GetValue(quick) && result.GetResult(scenarios) is not null)
                result.AddError("--quick chooses scenarios, and so does --scenario; give one of the two.");
        });
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        var chosen = Choose(parsed);
        var backend = silos.Read(parsed);
        var machine = ChaosMachine.Look(usesPostgres: backend.IsCluster);
        if (parsed.GetValue(list))
        {
            Describe(chosen, machine).Print(Console.Out, parsed.GetValue(output));
            return ExitCodes.Success;
        }

        StandardStreams.NeverWait();
        using var signals = new Signals();
        var runner = new ChaosRunner(machine, backend, parsed.GetValue(seed), parsed.GetValue(inject), workDirectory.Folder(parsed));
        var report = new ChaosReport(backend.IsCluster ? $"{backend.Silos} on PostgreSQL" : "1 on SQLite", parsed.GetValue(seed));
        var isDocument = parsed.GetValue(output) is OutputFormat.Json or OutputFormat.Yaml;

        // A document is one piece; who waits for it sees the rows beside it.
        var rows = isDocument ? Console.Error : Console.Out;
        var width = chosen.Max(scenario => scenario.Name.Length);
        try
        {
            rows.WriteLine(ChaosReport.Heading(width));
            foreach (var scenario in chosen)
            {
                report.Add(await runner.RunAsync(scenario, signals.Token));
                foreach (var row in ChaosReport.Rows(report.Results[^1], width))
                    rows.WriteLine(row);
            }
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            runner.Clean();
            Console.Error.WriteLine($"stopped after {report.Results.Count} of {chosen.Count} scenarios; all processes have ended");
            return code;
        }

        runner.Clean();
        if (isDocument)
            new Listing("ChaosReport", report.ToJson(), [], []).Print(Console.Out, parsed.GetValue(output));
        rows.WriteLine(report.Summary);
        return report.Good ? ExitCodes.Success : ExitCodes.RunFailed;
    }

    private IReadOnlyList<ChaosScenario> Choose(ParseResult parsed) =>
        parsed.GetValue(quick) ? [.. ChaosScenarios.All.Where(scenario => scenario.Quick)]
        : parsed.GetValue(scenarios) is { Length: > 0 } names ? [.. names.Distinct().Select(name => ChaosScenarios.Find(name)!)]
        : ChaosScenarios.All;

    private static Listing Describe(IReadOnlyList<ChaosScenario> chosen, ChaosMachine machine) => new(
        "ChaosScenarioList",
        new JsonArray([.. chosen.Select(scenario => (JsonNode)new JsonObject
        {
            ["name"] = scenario.Name,
            ["about"] = scenario.About,
            ["quick"] = scenario.Quick,
            ["skipped"] = scenario.WhySkipped(machine),
        })]),
        [new("SCENARIO"), new("QUICK"), new("HERE"), new("WHAT IS DONE")],
        [.. chosen.Select(scenario => (IReadOnlyList<string>)[
            scenario.Name, scenario.Quick ? "quick" : "-", scenario.WhySkipped(machine) ?? "runs", scenario.About,
        ])]);
}
