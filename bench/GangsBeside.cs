using System.Diagnostics;
using System.Globalization;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Measures;

namespace Coordinator.Bench;

/// <summary>
/// A process, a node's agent with its process, and a node's cable are taken from a gang in PyTorch, under the coordinator and under
/// torchrun in turn, and what the processes write down says when all ranks of the new gang ran their first line, and when they had trained
/// a step.
/// </summary>
internal static class GangsBeside
{
    private const int Settled = 15;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(50);

    /// <summary>Plays all.</summary>
    public static async Task<bool> RunAsync(int runs, bool hasNetworks, CancellationToken cancel)
    {
        using var directory = RunDirectory.Create(null);
        if (GangsPrograms.Command("ddp", directory.Path) is not { } command)
            throw new FormatException("There is no PyTorch for /usr/bin/python3 here (Debian: apt-get install python3-torch).");
        string[] kinds = ["process", "node", .. hasNetworks ? (string[])["cable"] : []];
        var isWhole = true;
        foreach (var kind in kinds)
        {
            List<TimeSpan> ours = [], theirs = [], ourSteps = [], theirSteps = [];
            for (var run = 0; run < runs; run++)
            {
                foreach (var isOurs in new[] { true, false })
                {
                    var folder = directory.File($"{kind}-{run}-{(isOurs ? "own" : "torchrun")}");
                    Directory.CreateDirectory(folder);
                    var measured = await PlayAsync(isOurs, kind, command, folder, hasNetworks, cancel);
                    var text = measured is var (line, step) ? Text(line, step) : "NOT WHOLE within the limit";
                    Console.WriteLine($"{kind} lost, {(isOurs ? "coordinator" : "torchrun")}: {text}");
                    isWhole &= !isOurs || measured is not null;
                    if (measured is not var (first, trained))
                        continue;
                    (isOurs ? ours : theirs).Add(first);
                    (isOurs ? ourSteps : theirSteps).Add(trained);
                }
            }

            Console.WriteLine($"{kind} lost, medians: first line {Medians(ours, theirs)}; trains {Medians(ourSteps, theirSteps)}");
        }

        if (isWhole)
            directory.RemoveIfTemporary();
        else
            Console.WriteLine($"logs: {directory.Path}");
        return isWhole;
    }

    private static string Text(TimeSpan line, TimeSpan step) => string.Create(
        CultureInfo.InvariantCulture,
        $"all ranks run their first line after {line.TotalSeconds:0.00} s and have trained a step after {step.TotalSeconds:0.00} s");

    private static string Medians(IReadOnlyList<TimeSpan> ours, IReadOnlyList<TimeSpan> theirs) =>
        (Recoveries.Median(ours), Recoveries.Median(theirs)) is ({ } own, { } other)
            ? string.Create(
                CultureInfo.InvariantCulture, $"{own.TotalSeconds:0.00} s, torchrun {other.TotalSeconds:0.00} s ({own / other:0.00} of it)")
            : "not known";

    private static async Task<(TimeSpan FirstLine, TimeSpan Trains)?> PlayAsync(
        bool isOurs, string kind, string[] command, string folder, bool hasNetworks, CancellationToken cancel)
    {
        await using var network = hasNetworks ? await NetworkHosts.CreateAsync(3, Path.Combine(folder, "hosts.log")) : null;
        await using BesideGang gang = isOurs ? new OwnGang(folder, network) : new TorchrunGang(folder, network);
        await gang.StartAsync(command, cancel);
        if (!await UntilAsync(() => gang.Notes.Where(note => note.Step >= Settled).DistinctBy(note => note.Rank).Count() == 2, cancel))
            return null;
        var (node, process) = await gang.VictimAsync(cancel);
        var at = gang.Strike(kind, node, process);
        (TimeSpan, TimeSpan)? whole = null;
        await UntilAsync(() => (whole = Whole(gang.Notes, at)) is not null, cancel);
        return whole;
    }

    /// <summary>
    /// Of each rank's processes that began after the strike, the first one that has trained: when the last of them ran its first line, and
    /// had trained. Null: not all ranks have.
    /// </summary>
    private static (TimeSpan FirstLine, TimeSpan Trains)? Whole(IReadOnlyList<GangsRecords.Note> notes, double at)
    {
        var ranks = (from byProcess in notes.GroupBy(note => note.Process)
                     let began = byProcess.Min(note => note.At)
                     where began > at && byProcess.Any(note => note.Step is not null)
                     let trained = byProcess.Where(note => note.Step is not null).Min(note => note.At)
                     group (began, trained) by byProcess.First().Rank into rank
                     select rank.MinBy(one => one.trained)).ToArray();
        return ranks.Length < 2 ? null : (
            TimeSpan.FromSeconds(ranks.Max(rank => rank.began) - at), TimeSpan.FromSeconds(ranks.Max(rank => rank.trained) - at));
    }

    private static async Task<bool> UntilAsync(Func<bool> holds, CancellationToken cancel)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Limit;)
        {
            if (holds())
                return true;
            await Task.Delay(Period, cancel);
        }

        return false;
    }
}
