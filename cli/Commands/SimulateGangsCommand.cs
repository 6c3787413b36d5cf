using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Outcomes;
using Coordinator.Simulator.Gangs;

namespace Coordinator.Cli.Commands;

/// <summary><c>simulate gangs</c>: the machines of gangs under seeded faults.</summary>
internal static class SimulateGangsCommand
{
    private const int MostSeedsForABug = 2000;

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var seeds = new SeedOptions();
        var bug = new Option<GangBug>("--bug")
        {
            Description = "A bug to build into the simulated hosts. Succeeds where one of the first "
            + "2000 seeds catches it; with --seed that one seed is run.",
            DefaultValueFactory = _ => GangBug.None
        };
        var command = new Command("gangs", "Test the gangs of 'coordinator run': processes, workers, hosts and silos that die, freeze and "
            + "are cut off, every invariant checked after each event.");
        seeds.AddTo(command);
        command.Options.Add(bug);
        command.SetAction(parsed =>
        {
            var planted = parsed.GetValue(bug);
            if (parsed.GetValue(seeds.Seed) is { } one)
            {
                var report = GangSimulation.Run(one, planted, parsed.GetValue(seeds.Trace) ? Console.Out.WriteLine : null);
                Console.WriteLine(report.Render());
                return report.Passed ? ExitCodes.Success : ExitCodes.RunFailed;
            }

            return planted == GangBug.None
                ? RunMany(parsed.GetValue(seeds.Seeds), parsed.GetValue(seeds.Start), parsed.GetValue(seeds.Jobs))
                : Hunt(planted);
        });
        return command;
    }

    private static int Hunt(GangBug bug)
    {
        for (ulong seed = 1; seed <= MostSeedsForABug; seed++)
        {
            if (GangSimulation.Run(seed, bug) is not { Passed: false } caught)
                continue;
            Console.WriteLine($"{bug} is caught by {caught.Invariant} in seed {seed}: {caught.Message}");
            return ExitCodes.Success;
        }

        Console.WriteLine($"{bug} is caught by none of {MostSeedsForABug} seeds");
        return ExitCodes.RunFailed;
    }

    private static int RunMany(int seeds, ulong start, int jobs)
    {
        var clock = Stopwatch.StartNew();
        var faults = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var (failed, events, generations, done, drains) = (0, 0L, 0L, 0, 0);
        foreach (var report in Enumerable.Range(0, seeds).AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Min(jobs, 512))
            .WithMergeOptions(ParallelMergeOptions.NotBuffered).Select(i => GangSimulation.Run(start + (ulong)i)))
        {
            (events, generations, drains) = (events + report.Events, generations + report.Generations, drains + report.Drains);
            foreach (var (fault, count) in report.Faults)
                faults[fault] = faults.GetValueOrDefault(fault) + count;
            if (!report.Passed)
            {
                failed++;
                Console.Error.WriteLine(report.Render());
            }

            if (++done % 1000 == 0)
                Console.Error.WriteLine($"{done} of {seeds} seeds");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seeds} seeds from {start} in {clock.Elapsed.TotalSeconds:0} s: "
            + $"{failed} violations; {events} events, {generations} generations, {drains} drains"));
        Console.WriteLine($"faults: {string.Join(", ", faults.Select(pair => $"{pair.Key} ×{pair.Value}"))}");
        return failed == 0 ? ExitCodes.Success : ExitCodes.RunFailed;
    }
}
