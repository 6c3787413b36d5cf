using System.CommandLine;
using System.Globalization;
using Coordinator.Runs.Clusters;

namespace Coordinator.Bench;

/// <summary>
/// Whether what comes out is a good model, and the same one whatever happens: nanoGPT's published configuration for a CPU, trained by one
/// worker, and by several that are killed all the time. The loss is over the whole last tenth of the text, windows laid end to end.
/// </summary>
internal static class Quality
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "quality", "nanoGPT's CPU configuration on a text: loss on its last tenth, by one worker and by workers that are killed");
        var read = QualityOptions.AddTo(command);
        return command.Runs(parsed =>
        {
            var options = read(parsed);
            var text = File.ReadAllBytes(options.Data);
            if (text.Length < 100_000)
            {
                throw new FormatException(
                    $"{options.Data} has {text.Length} bytes; a tenth of at least 100000 bytes is needed for a loss that means something");
            }
            return stop => RunAsync(options, text, BenchCommand.Text(parsed), stop);
        });
    }

    private static async Task<bool> RunAsync(QualityOptions options, byte[] text, string command, CancellationToken cancel)
    {
        var load = MachineLoad.Now();
        var directory = RunDirectory.Create(options.WorkDirectory);
        var done = false;
        List<QualitySample> samples = [];
        try
        {
            foreach (var workers in options.Workers)
            {
                samples.Add(await new QualityRun(options, workers).RunAsync(
                    text, RunDirectory.Create(directory.File($"{samples.Count + 1}-workers-{workers}")), cancel));
            }
            done = true;
        }
        finally
        {
            if (done || cancel.IsCancellationRequested) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }

        Console.WriteLine();
        Console.WriteLine(command);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{load.Cores} cores, {load.Cpu}, load average {load.Load:0.0} at the start; {options.Steps} steps of 12 x 64 bytes"));
        Console.WriteLine($"{"workers",7} {"kills",5} {"excluded",8} {"seconds",8} {"lost",5} {"nats a byte",11}  sha256");
        foreach (var sample in samples)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sample.Workers,7} {sample.Kills,5} {sample.Failures,8} "
                + $"{sample.Took.TotalSeconds,8:0} {sample.Lost,5} {sample.Loss,11:0.0000}  {sample.Sha256}"));
        }
        bool equal = samples.Select(sample => sample.Sha256).Distinct().Count() == 1, whole = samples.All(sample => sample.Lost == 0);
        bool low = samples.All(sample => sample.Loss <= options.Limit), killed = options.KillEvery == 0
            || samples.All(sample => sample.Workers == 1 || sample.Kills > 0);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"one hash: {YesNo(equal)}; no step lost: {YesNo(whole)}; loss at "
            + $"most {options.Limit}: {YesNo(low)}; somebody was killed: {YesNo(killed)}"));
        return equal && whole && low && killed;
    }

    private static string YesNo(bool value) => value ? "yes" : "NO";
}
