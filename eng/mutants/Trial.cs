using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Coordinator.Mutants;

/// <summary>What caught a mutant; null in <see cref="By"/>: nothing did.</summary>
/// <param name="By">An invariant of the simulation, or the name of a test.</param>
/// <param name="Where">The seed, or the kind of test.</param>
internal sealed record Outcome(string? By, string Where);

/// <summary>
/// Switches one mutant on and looks who notices: a few seeds, then the tests, then the rest of the seeds. The first that notices counts,
/// and nobody is asked after it.
/// </summary>
internal sealed partial class Trial(string copy, int seeds, int seedsFirst, string testFilter) : IDisposable
{
    /// <summary>Processor time after which a run counts as one that does not end: many times what it takes without a mutant.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private Process? runner;

    private string Binaries => Path.Combine(copy, ProjectFor(testFilter), "bin", "Release", "net10.0");

    /// <summary>The project that has to be built: without tests the simulator is enough.</summary>
    public static string ProjectFor(string testFilter) => testFilter.Length > 0 ? "tests/core" : "simulator";

    /// <summary>Runs until somebody notices the mutant.</summary>
    public Outcome Run(int mutant)
    {
        var first = Math.Min(seeds, seedsFirst);
        return Simulate(mutant, 1, first) ?? Test(mutant) ?? (
            seeds > first ? Simulate(mutant, first + 1, seeds - first) : null) ?? new Outcome(null, "");
    }

    public void Dispose() => EndRunner();

    private Outcome? Simulate(int mutant, int start, int count)
    {
        runner ??= Process.Start(new ProcessStartInfo("dotnet", [typeof(Trial).Assembly.Location, "seeds", Binaries])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        runner.Refresh();
        var begun = runner.TotalProcessorTime;
        runner.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{mutant} {start} {count}"));
        var answer = runner.StandardOutput.ReadLineAsync();
        while (!answer.Wait(TimeSpan.FromMilliseconds(20)))
        {
            runner.Refresh();
            if (runner.TotalProcessorTime - begun <= Patience)
                continue;
            EndRunner();
            return new Outcome("no end", "the simulation");
        }

        if (answer.Result is not { } line)
        {
            EndRunner();
            return new Outcome("crash", "the simulation's process ended");
        }

        return line == "none" ? null : new Outcome(line.Split(' ')[1], $"seed {line.Split(' ')[0]}");
    }

    private void EndRunner()
    {
        if (runner is null)
            return;
        if (!runner.HasExited)
            runner.Kill();
        runner.WaitForExit();
        runner.Dispose();
        runner = null;
    }

    private Outcome? Test(int mutant)
    {
        if (testFilter.Length == 0)
            return null;
        var start = new ProcessStartInfo("dotnet", [
            "vstest", Path.Combine(Binaries, "Coordinator.Tests.dll"), $"--TestCaseFilter:{testFilter}",
        ]) { WorkingDirectory = copy, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["COORDINATOR_MUTANT"] = mutant.ToString(CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        var failed = default(string);
        var last = "";
        void OnLine(string? line)
        {
            if (line is null || Volatile.Read(ref failed) is not null)
                return;
            last = line;
            if (FailedTest().Match(line) is { Success: true } found)
                Interlocked.CompareExchange(ref failed, found.Groups["name"].Value, null);
        }

        process.OutputDataReceived += (_, line) => OnLine(line.Data);
        process.ErrorDataReceived += (_, line) => OnLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var clock = Stopwatch.StartNew();
        while (!process.WaitForExit(TimeSpan.FromMilliseconds(100)))
        {
            // The tests run in a child of a child: their processor time is not to be had, and the limit is a long one of the clock.
            if (Volatile.Read(ref failed) is null && clock.Elapsed > 5 * Patience)
                Interlocked.CompareExchange(ref failed, "no end", null);
            if (Volatile.Read(ref failed) is not null)
                process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        return failed is not null ? new Outcome(failed, "test") : process.ExitCode == 0 ? null : new Outcome(
            "exit", $"the tests ended with {process.ExitCode}: {last}");
    }

    [GeneratedRegex(@"^\s*Failed (?<name>Coordinator\.[\w.]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex FailedTest();
}
