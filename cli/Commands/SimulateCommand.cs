using System.CommandLine;
using System.Diagnostics;
using Coordinator.Cli.Output;
using Coordinator.Simulator;

namespace Coordinator.Cli.Commands;

/// <summary><c>simulate protocol</c>: the shipping machines in virtual time, under seeded faults.</summary>
public static class SimulateCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => new("simulate", "Run the machines in virtual time.") { CreateProtocol() };

    private static Command CreateProtocol()
    {
        var seed = new Option<ulong?>("--seed") { Description = "Run this one seed: to replay what a test found." };
        var seeds = new Option<int>("--seeds") { Description = "Number of seeds, 1 or more.", DefaultValueFactory = _ => 100 };
        var start = new Option<ulong>("--start") { Description = "First of the seeds.", DefaultValueFactory = _ => 1 };
        var trace = new Option<bool>("--trace") { Description = "Print every event (with --seed)." };
        var plant = new Option<PlantedBug>("--plant") { Description = "A bug to build into the simulated hosts: the checkers must find it.", DefaultValueFactory = _ => PlantedBug.None };
        Checks.AtLeast(seeds, 1);
        var command = new Command("protocol", "Test the protocol: crashes, freezes, loss, delay, repetition and cuts from seeds, every invariant checked after each event.")
        {
            seed, seeds, start, trace, plant,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(trace) && result.GetValue(seed) is null)
                result.AddError("--trace prints one seed's events; name it with --seed.");
        });
        command.SetAction(parsed =>
        {
            var clock = Stopwatch.StartNew();
            var options = new SimulationOptions { Plant = parsed.GetValue(plant), Elapsed = () => clock.Elapsed };
            return parsed.GetValue(seed) is { } one
                ? RunOne(one, options with { Trace = parsed.GetValue(trace) ? Console.Out.WriteLine : null })
                : RunMany(parsed.GetValue(seeds), parsed.GetValue(start), options);
        });
        return command;
    }

    private static int RunOne(ulong seed, SimulationOptions options)
    {
        var report = ProtocolSimulation.Run(seed, options);
        Console.WriteLine(report.Render());
        return report.Passed ? ExitCodes.Success : ExitCodes.RunFailed;
    }

    private static int RunMany(int seeds, ulong start, SimulationOptions options)
    {
        var done = 0;
        var summary = ProtocolSimulation.RunMany(seeds, start, options, report =>
        {
            done++;
            if (!report.Passed)
                Console.Error.WriteLine(report.Render());
            else if (done % 50 == 0)
                Console.Error.WriteLine($"{done} of {seeds} seeds");
        });
        Console.WriteLine(summary.Render());
        return summary.Passed ? ExitCodes.Success : ExitCodes.RunFailed;
    }
}
