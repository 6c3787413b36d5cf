using System.CommandLine;
using System.Globalization;
using Coordinator.Decoders;

namespace Coordinator.Bench;

/// <summary>
/// Feeds everything that reads bytes of strangers with generated inputs, a million in all, and says how many were accepted and how fast.
/// </summary>
internal static class DecoderInputs
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        string[] names = [.. DecoderTargets.All.Select(row => row.Make().Name)];
        var command = new BenchCommand(
            "decoders",
            "a million generated inputs into everything that reads bytes of strangers: no crash, no hang, memory under a limit");
        var inputs = command.AddNumber("--inputs", "Inputs in all.", 1_000_000, 0, int.MaxValue);
        var seed = command.AddNumber("--seed", "Decides the inputs.", 1, 0, int.MaxValue);
        var target = command.AddText("--target", "The one reader that is fed (default: all).");
        target.AcceptOnlyFromAmong(names);
        return command.Runs(parsed =>
            cancel => Task.FromResult(Feed(parsed.GetValue(inputs), (ulong)parsed.GetValue(seed), parsed.GetValue(target), cancel)));
    }

    private static bool Feed(long inputs, ulong seed, string? only, CancellationToken cancel)
    {
        var machine = MachineLoad.Now();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bench decoders --inputs {inputs} --seed "
            + $"{seed}{(only is null ? "" : $" --target {only}")}; {machine.Cores} cores, {machine.Cpu}"));
        Console.WriteLine(
            $"{"reader",-20}{"inputs",10}{"accepted",10}{"refused",10}{"inputs/s",11}{"slowest ms",12}{"most KiB",10}{"of limit",10}");
        List<DecoderReport> reports = [];
        var good = true;
        foreach ((var make, var percent) in DecoderTargets.All)
        {
            cancel.ThrowIfCancellationRequested();
            var target = make();
            if (only is not null && target.Name != only) continue;
            try
            {
                var report = DecoderRun.Feed(target, seed, only is null ? inputs * percent / 100 : inputs);
                reports.Add(report);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{report.Name,-20}{report.Inputs,10}{report.Accepted,10}{report.Refused,10}{report.Inputs / report.Took.TotalSeconds,11:0}{report.Slowest.TotalMilliseconds,12:0.0}{report.MostAllocated / 1024.0,10:0.0}{report.NearestLimit,10:P0}"));
            }
            catch (DecoderFailedException failed)
            {
                good = false;
                Console.WriteLine($"{target.Name,-20}FAILED");
                Console.Error.WriteLine(failed.Message);
                if (failed.InnerException is { } cause) Console.Error.WriteLine(cause.ToString());
            }
            finally
            {
                (target as IDisposable)?.Dispose();
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reports.Sum(report => report.Inputs)} inputs in "
            + $"{reports.Sum(report => report.Took.TotalSeconds):0} s{(good ? "" : "; not all readers held")}"));
        return good;
    }
}
