using System.Diagnostics;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// What the silo processes and this one cost: processor time and memory. Without processes of its own it knows only this one.
/// </summary>
internal sealed class SiloLoad(LocalCluster? cluster)
{
    private readonly Dictionary<int, TimeSpan> before = [];
    private TimeSpan ownBefore;
    private long at = Stopwatch.GetTimestamp();
    private long peak;
    private long largest;

    /// <summary>Cost since the last call.</summary>
    public LoadSample Take()
    {
        var seconds = Stopwatch.GetElapsedTime(at).TotalSeconds;
        at = Stopwatch.GetTimestamp();
        var (busy, memory, highest) = (TimeSpan.Zero, 0L, 0L);
        List<SiloSample> silos = [];
        foreach (var (name, pid) in cluster?.Children.Where(child => LocalCluster.IsSilo(child.Name) && child.Phase != ChildPhase.Down)
            .Select(child => (child.Name, child.Pid)) ?? [])
        {
            try
            {
                using var process = Process.GetProcessById(pid);
                var used = process.TotalProcessorTime;
                var spent = used - before.GetValueOrDefault(pid);
                busy += spent;
                before[pid] = used;
                memory += process.WorkingSet64;
                highest += process.PeakWorkingSet64;
                largest = Math.Max(largest, process.PeakWorkingSet64);
                silos.Add(new SiloSample(name, spent, process.WorkingSet64, process.PeakWorkingSet64));
            }
            catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
            {
                // It ended in this very moment.
            }
        }

        peak = Math.Max(peak, highest);
        using var self = Process.GetCurrentProcess();
        var own = self.TotalProcessorTime - ownBefore;
        ownBefore = self.TotalProcessorTime;
        return new LoadSample(
            cluster is null ? null : busy.TotalSeconds / seconds,
            own.TotalSeconds / seconds,
            cluster is null ? null : memory,
            cluster is null ? null : peak,
            self.WorkingSet64)
        {
            Silos = silos.Count > 1 ? silos : [],
            LargestSiloBytes = cluster is null ? null : largest,
        };
    }
}
