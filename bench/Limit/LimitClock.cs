using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Bench.Limit;

/// <summary>
/// Says what each measure took: time, the processor's time, and what was allocated, which do not depend on what else the machine does.
/// </summary>
internal static class LimitClock
{
    public static async Task MeasureAsync(string name, Func<Task> run)
    {
        var (began, used, allocated) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes());
        await run();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {name,-34} {Stopwatch.GetElapsedTime(began).TotalSeconds,7:0.00} s, "
                + $"{(Environment.CpuUsage.TotalTime - used).TotalSeconds,6:0.00} s of processor, "
                + $"{(GC.GetTotalAllocatedBytes() - allocated) >> 20,5} MB allocated, {Environment.WorkingSet >> 20,5} MB resident"));
    }
}
