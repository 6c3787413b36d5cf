namespace Coordinator.Machines.Clusters;

/// <summary>
/// Limits how fast the draw may rise: a token bucket of watts that fills at the ramp limit and holds one second's worth, or one start's
/// where that is more. It begins empty: whoever loads the cluster does not know what the one before has just started.
/// </summary>
internal sealed class StartRamp
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    private const double Rounding = 0.001;

    private double tokens;
    private TimeSpan? filledAt;

    /// <summary>Takes a start's watts out of the bucket.</summary>
    /// <returns>Null: it may start now; else after how long it may, at the earliest.</returns>
    public TimeSpan? Take(TimeSpan now, long watts, long limit)
    {
        var most = Math.Max(limit * Window.TotalSeconds, watts);
        tokens = Math.Min(most, tokens + (limit * (now - (filledAt ?? now)).TotalSeconds));
        filledAt = now;
        if (tokens >= watts - Rounding)
        {
            tokens -= watts;
            return null;
        }

        return TimeSpan.FromSeconds((watts - tokens) / limit);
    }
}
