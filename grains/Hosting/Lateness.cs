namespace Coordinator.Grains.Hosting;

/// <summary>
/// How long a deadline waits in a process that is behind. What waits for a grain comes before a deadline that passes, since it may show
/// that the deadline was kept. A timer that fires late tells that the process itself is behind, and its messages with it: they pass through
/// several queues where a timer passes through one. So the deadline then waits for several times as long as the timer was late, and passes
/// all the same once that has added up to <see cref="Longest"/>.
/// </summary>
public sealed class Lateness
{
    /// <summary>How long a deadline waits for messages at most, but for its last wait, in a process that is behind all the time.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>Later than this a timer is not by itself.</summary>
    public static readonly TimeSpan Punctual = TimeSpan.FromMilliseconds(100);

    private const int Queues = 4;

    private TimeSpan waited;

    /// <summary>A timer has fired.</summary>
    /// <param name="late">How long after the time that it was set for.</param>
    /// <returns>How long the deadline is to wait; null: it has passed.</returns>
    public TimeSpan? WaitAfter(TimeSpan late)
    {
        if (late <= Punctual || waited >= Longest)
        {
            waited = TimeSpan.Zero;
            return null;
        }

        var wait = Queues * late;
        waited += wait;
        return wait;
    }
}
