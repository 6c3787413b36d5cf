using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;

namespace Coordinator.Mutants;

/// <summary>
/// Runs seeds of the copy's simulator with one mutant after the other, in a process of its own that takes its orders line by line: a mutant
/// that never comes back is ended with the process, and all others are spared the start of one.
/// </summary>
internal static class SeedRunner
{
    /// <summary>Answers each line "mutant first count" with "seed invariant", or with "none".</summary>
    public static void Serve(string binaries, TextReader orders, TextWriter answers)
    {
        var context = new AssemblyLoadContext("copy");
        context.Resolving += (_, name) => File.Exists(
            Path.Combine(binaries, name.Name + ".dll")) ? context.LoadFromAssemblyPath(Path.Combine(binaries, name.Name + ".dll")) : null;
        var simulator = context.LoadFromAssemblyPath(Path.Combine(binaries, "Coordinator.Simulator.dll"));
        var machines = context.LoadFromAssemblyPath(Path.Combine(binaries, "Coordinator.Machines.dll"));
        var on = machines.GetType(
            "Coordinator.Machines.Mutants", throwOnError: true)!.GetField("On", BindingFlags.Static | BindingFlags.NonPublic)!;
        var run = simulator.GetType("Coordinator.Simulator.ProtocolSimulation", throwOnError: true)!.GetMethod("Run")!;
        var invariant = run.ReturnType.GetProperty("Invariant")!;
        while (orders.ReadLine() is { } order)
        {
            var numbers = order.Split(' ').Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
            on.SetValue(null, numbers[0]);
            var answer = "none";
            for (var seed = numbers[1]; seed < numbers[1] + numbers[2] && answer == "none"; seed++)
            {
                if (invariant.GetValue(run.Invoke(null, [(ulong)seed, null])) is string violated)
                    answer = string.Create(CultureInfo.InvariantCulture, $"{seed} {violated}");
            }

            answers.WriteLine(answer);
            answers.Flush();
        }
    }
}
