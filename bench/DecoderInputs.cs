using System.Globalization;
using Coordinator.Decoders;

namespace Coordinator.Bench;

/// <summary>Feeds everything that reads bytes of strangers with generated inputs, a million in all, and says how many were accepted and how fast.</summary>
internal static class DecoderInputs
{
    private const string Usage = "decoders [--inputs 1000000] [--seed 1] [--target NAME]";

    public static int Run(string[] arguments) => BenchEntry.Run(Usage, () =>
    {
        long inputs = 1_000_000;
        ulong seed = 1;
        string? only = null;
        for (int at = 0; at < arguments.Length; at += 2)
        {
            string value = at + 1 < arguments.Length ? arguments[at + 1] : throw new FormatException($"{arguments[at]} has no value");
            switch (arguments[at])
            {
                case "--inputs":
                    inputs = long.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture);
                    break;
                case "--seed":
                    seed = ulong.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture);
                    break;
                case "--target":
                    only = value;
                    break;
                default:
                    throw new FormatException($"{arguments[at]} is no option");
            }
        }

        string[] names = [.. DecoderTargets.All.Select(row => row.Make().Name)];
        if (only is not null && !names.Contains(only)) throw new FormatException($"{only} is no target; there are {string.Join(", ", names)}");
        return cancel => Task.FromResult(Feed(inputs, seed, only, cancel));
    });

    private static bool Feed(long inputs, ulong seed, string? only, CancellationToken cancel)
    {
        MachineLoad machine = MachineLoad.Now();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bench decoders --inputs {inputs} --seed {seed}{(only is null ? "" : $" --target {only}")}; {machine.Cores} cores, {machine.Cpu}"));
        Console.WriteLine($"{"reader",-20}{"inputs",10}{"accepted",10}{"refused",10}{"inputs/s",11}{"slowest ms",12}{"most KiB",10}{"of limit",10}");
        List<DecoderReport> reports = [];
        bool good = true;
        foreach ((Func<DecoderTarget> make, int percent) in DecoderTargets.All)
        {
            cancel.ThrowIfCancellationRequested();
            DecoderTarget target = make();
            if (only is not null && target.Name != only) continue;
            try
            {
                DecoderReport report = DecoderRun.Feed(target, seed, only is null ? inputs * percent / 100 : inputs);
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

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reports.Sum(report => report.Inputs)} inputs in {reports.Sum(report => report.Took.TotalSeconds):0} s{(good ? "" : "; not all readers held")}"));
        return good;
    }
}
