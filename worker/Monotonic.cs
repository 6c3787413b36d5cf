using System.Diagnostics;

namespace Coordinator.Worker;

/// <summary>Monotonic time of this process: what machines are told as <c>now</c>.</summary>
public static class Monotonic
{
    private static readonly long Origin = Stopwatch.GetTimestamp();

    /// <summary>Time since the process first asked.</summary>
    public static TimeSpan Now => Stopwatch.GetElapsedTime(Origin);
}
