using System.CommandLine;
using System.Diagnostics;
using Coordinator.Runs.Outcomes;
using Coordinator.Simulator;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>simulate</c>: the shipping machines in virtual time. Here <c>protocol</c>, under seeded faults; for planning see
/// <see cref="SimulateClusterCommand"/>.
/// </summary>
public static class SimulateCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => new("simulate", "Run the machines in virtual time.")
    {
        CreateProtocol(),
        CreateBugs(),
        SimulateGangsCommand.Create(),
        SimulateClusterCommand.Create(),
        SimulateClassesCommand.Create(),
        SimulateRecoveryCommand.Create(),
        SimulateTablesCommand.Create(),
    };

    private static Command CreateProtocol()
    {
        var seeds = new SeedOptions();
        var everyCell = new Option<bool>("--every-cell")
        {
            Description = "Fail, too, where a fault has struck in none of the seeds in a "
            + "phase in which it can, or a seed had fewer than 20 steps or 3 faults; takes some thousands of seeds."
        };
        var bug = new Option<PlantedBug>("--bug")
        {
            Description = "A bug to build into the simulated hosts. Succeeds where a seed of the "
            + "stated number catches it by its invariant; with --seed that one seed is run.",
            DefaultValueFactory = _ => PlantedBug.None
        };
        var power = new Option<bool>("--power")
        {
            Description = "Lower and raise the site's power cap in mid-run in every seed; by itself every eighth seed has that.",
        };
        var moreSteps = new Option<bool>("--more-steps")
        {
            Description = "Give the job more steps at some moment of its life, or after its "
            + "end, in every seed; by itself every sixteenth seed has that."
        };
        var programs = new Option<bool>("--programs")
        {
            Description = "The job's program is a process beside each rank, which starts "
            + "slowly, hangs, dies, and says or computes other things than the others."
        };
        var drains = new Option<bool>("--drains")
        {
            Description = "Operators drain nodes and gpus in mid-run, and give them back, in every seed; by itself every "
                + "eighth seed has that.",
        };
        var without = new Option<string[]>("--without-checker")
        {
            Description = "With --bug: invariants not to check; none named: the bug's own. Succeeds where then nothing notices the bug.",
            Arity = ArgumentArity.ZeroOrMore,
            AllowMultipleArgumentsPerToken = true,
        };
        var command = new Command("protocol", "Test the protocol: crashes, freezes, loss, delay, repetition, cuts, torn writes and wrong "
            + "clocks from seeds, every invariant checked after each event.");
        seeds.AddTo(command);
        foreach (var option in (Option[])[everyCell, bug, without, power, moreSteps, programs, drains])
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(without) is null)
                return;
            if (result.GetValue(bug) == PlantedBug.None)
                result.AddError("--without-checker shows what catches a planted bug; name that with --bug.");
            foreach (var name in result.GetValue(without)!.Except(Invariants.All))
                result.AddError($"there is no invariant {name}; there are {string.Join(", ", Invariants.All)}.");
        });
        command.SetAction(parsed =>
        {
            var clock = Stopwatch.StartNew();
            var planted = parsed.GetValue(bug);
            var unseen = parsed.GetResult(without) is null ? null
                : parsed.GetValue(without) is { Length: > 0 } names ? names
                : [.. PlantedBugs.CheckersOf(planted)];
            if (parsed.GetValue(seeds.Seed) is { } one)
            {
                return RunOne(one, new SimulationOptions
                {
                    Plant = planted,
                    Power = parsed.GetValue(power),
                    MoreSteps = parsed.GetValue(moreSteps),
                    Programs = parsed.GetValue(programs),
                    Drains = parsed.GetValue(drains),
                    WithoutChecks = new SortedSet<string>(unseen ?? [], StringComparer.Ordinal),
                    Trace = parsed.GetValue(seeds.Trace) ? Console.Out.WriteLine : null,
                });
            }
            if (planted != PlantedBug.None)
                return Hunt(planted, unseen) ? ExitCodes.Success : ExitCodes.RunFailed;
            return RunMany(
                parsed.GetValue(seeds.Seeds),
                parsed.GetValue(seeds.Start),
                parsed.GetValue(seeds.Jobs),
                parsed.GetValue(everyCell),
                new SimulationOptions
                {
                    Power = parsed.GetValue(power),
                    MoreSteps = parsed.GetValue(moreSteps),
                    Programs = parsed.GetValue(programs),
                    Drains = parsed.GetValue(drains),
                },
                () => clock.Elapsed);
        });
        return command;
    }

    private static Command CreateBugs()
    {
        var command = new Command(
            "bugs", "Plant every known bug, one at a time: each is caught by its invariant, and by nothing once its checkers are off.");
        command.SetAction(_ =>
        {
            var sound = true;
            foreach (var expected in PlantedBugs.All)
                sound = Hunt(expected.Bug, null) & Hunt(expected.Bug, [.. PlantedBugs.CheckersOf(expected.Bug)]) & sound;
            return sound ? ExitCodes.Success : ExitCodes.RunFailed;
        });
        return command;
    }

    /// <summary>Looks for a bug, with the invariants that catch it or without; whether the outcome is the expected one.</summary>
    private static bool Hunt(PlantedBug bug, string[]? without)
    {
        var found = PlantedBugs.Hunt(bug);
        if (without is null)
        {
            Console.WriteLine($"{found.Render()}; expected {found.Expected.Invariant} within {found.Expected.Seeds}");
            return found.Caught is not null;
        }

        var unnoticed = PlantedBugs.HuntWithout(bug, without, found.Seeds);
        Console.WriteLine($"{unnoticed.Render()} without {string.Join(", ", without)}");
        return unnoticed.Caught is null;
    }

    private static int RunOne(ulong seed, SimulationOptions options)
    {
        var report = ProtocolSimulation.Run(seed, options);
        Console.WriteLine(report.Render());
        return report.Passed ? ExitCodes.Success : ExitCodes.RunFailed;
    }

    private static int RunMany(int seeds, ulong start, int jobs, bool everyCell, SimulationOptions options, Func<TimeSpan> elapsed)
    {
        var summary = new SimulationSummary { FirstSeed = start };

        // A seed's world is one thread's; worlds share nothing, and the reports are added up in the order of their seeds.
        var reports = Enumerable.Range(0, seeds).AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Min(jobs, 512)).WithMergeOptions(
            ParallelMergeOptions.NotBuffered)
            .Select(i => ProtocolSimulation.Run(start + (ulong)i, options));
        foreach (var report in reports)
        {
            summary.Add(report);
            if (!report.Passed)
                Console.Error.WriteLine(report.Render());
            else if (summary.Seeds % 250 == 0)
                Console.Error.WriteLine($"{summary.Seeds} of {seeds} seeds");
        }

        summary.Elapsed = elapsed();
        Console.WriteLine(summary.Render());
        return summary.Passed && (!everyCell || summary.IsComplete) ? ExitCodes.Success : ExitCodes.RunFailed;
    }
}
