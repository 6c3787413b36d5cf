using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;

namespace Coordinator.Bench;

/// <summary>
/// Whether the silos' failure detection tells a dead silo from a slow one: a silo is stopped (SIGSTOP) for half a second and for two, and
/// then all have to share the cores with four busy threads a core for a minute. A silo that the others have declared dead ends itself as
/// soon as it runs again, so evictions are counted by processes that ended.
/// </summary>
internal static class SiloFreezes
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Starved = TimeSpan.FromSeconds(60);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "silo-freezes", "whether silos that are frozen for 0.5 s, for 2 s, or starved of cores are declared dead by the others");
        var rounds = command.AddNumber("--rounds", "Rounds of each kind.", 10, 1, 999);
        return command.Runs(parsed => async cancel => await RunAsync(parsed.GetValue(rounds), cancel) == 0);
    }

    private static async Task<int> RunAsync(int rounds, CancellationToken cancel)
    {
        var directory = RunDirectory.Create(null);
        SiloBackend backend = new() { Silos = 3 };
        var cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Workers = 1, Backend = backend }, directory, cancel);
        await using (cluster)
        {
            await Task.Delay(Rest, cancel);
            var evictedShort = await FreezeAsync(cluster, rounds, Short, cancel);
            var evictedLong = await FreezeAsync(cluster, rounds, Long, cancel);
            var before = Ended(cluster);
            await StarveAsync(cancel);
            await Task.Delay(Rest, cancel);
            var evictedStarved = Ended(cluster) - before;
            var machine = MachineLoad.Now();
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"bench silo-freezes --rounds {rounds}; {machine.Cores} cores, {machine.Cpu}"));
            Console.WriteLine($"frozen for 0.5 s                  evicted {evictedShort} of {rounds}   (wanted: none)");
            Console.WriteLine($"frozen for 2 s                    evicted {evictedLong} of {rounds}   (wanted: all)");
            Console.WriteLine($"4 busy threads a core for 60 s    evicted {evictedStarved} of {backend.Silos}   (wanted: none)");
            directory.RemoveIfTemporary();
            return evictedShort == 0 && evictedLong == rounds && evictedStarved == 0 ? 0 : 1;
        }
    }

    /// <returns>How many were evicted.</returns>
    private static async Task<int> FreezeAsync(LocalCluster cluster, int rounds, TimeSpan time, CancellationToken cancel)
    {
        var evicted = 0;
        for (var round = 0; round < rounds; round++)
        {
            var silo = cluster.Children.Where(child => LocalCluster.IsSilo(child.Name)).ElementAt(round % cluster.Silos);
            var before = Ended(cluster);
            Signal(silo.Pid, "STOP");
            await Task.Delay(time, cancel);
            Signal(silo.Pid, "CONT");
            await Task.Delay(Rest, cancel);
            var ended = Ended(cluster) - before;
            evicted += ended;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {silo.Name} stopped for {time.TotalSeconds:0.0} s: {(ended == 0 ? "still there" : "evicted")}"));
            while (cluster.Children.Any(child => LocalCluster.IsSilo(child.Name) && child.Phase != ChildPhase.Ready))
                await Task.Delay(100, cancel);
            if (ended > 0) await Task.Delay(Rest, cancel);
        }

        return evicted;
    }

    private static async Task StarveAsync(CancellationToken cancel)
    {
        using CancellationTokenSource stop = new();
        Thread[] busy = [.. Enumerable.Range(0, 4 * Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            while (!stop.IsCancellationRequested) Thread.SpinWait(1000);
        }) { IsBackground = true })];
        foreach (var thread in busy) thread.Start();
        await Task.Delay(Starved, cancel);
        await stop.CancelAsync();
        foreach (var thread in busy) thread.Join();
    }

    private static int Ended(LocalCluster cluster) => cluster.Notes.Count(note => LocalCluster.IsSilo(note.Child) && note.Exit is not null);

    private static void Signal(int pid, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
