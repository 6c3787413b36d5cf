using Coordinator.Runs.Outcomes;

namespace Coordinator.Runs.Processes;

/// <summary>
/// Decides when a child that ended is started again. Killed is not broken: a child that somebody ended by a signal is started again however
/// often that happens and whether it had come up or not, with growing pauses where it never gets so far (memory that is too small kills
/// at every start). What counts is an exit of its own: one that ends by itself at every start is tried with growing pauses and
/// then given up, so that a broken build or option is a message and not a loop.
/// </summary>
public sealed class RestartPolicy
{
    private readonly Queue<TimeSpan> failedStarts = new();
    private bool cameUpOnce;
    private int killsInARow;

    /// <summary>Pause before a child that had come up, or was killed, is started again.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Failed starts in a row, within <see cref="Window"/>, after which the child is given up. At least 1.</summary>
    public int Tries { get; init; } = 5;

    /// <summary>Failed starts longer ago do not count.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Takes note of an end at <paramref name="now"/> (monotonic).</summary>
    /// <param name="now">When it ended.</param>
    /// <param name="exit">How.</param>
    /// <param name="mayGiveUp">Whether it can be given up at all: not while something that it would end goes on without it.</param>
    /// <returns>How long to wait before the next start, or null: give it up.</returns>
    public TimeSpan? AfterExit(TimeSpan now, ChildExit exit, bool mayGiveUp = true)
    {
        if (exit.WasReady)
        {
            cameUpOnce = true;
            failedStarts.Clear();
            killsInARow = 0;
            return Pause;
        }

        if (exit.WasEndedByOthers)
            return Grown(Pause, killsInARow++);
        killsInARow = 0;

        // Exit code 2 says that the command line or the configuration is wrong; the next start would meet the same. Once it came up
        // with them, something else is in its way, and that may go.
        if (exit.Code == ExitCodes.Usage && !cameUpOnce && mayGiveUp)
            return null;
        failedStarts.Enqueue(now);
        while (now - failedStarts.Peek() > Window)
            failedStarts.Dequeue();
        if (failedStarts.Count >= Tries && mayGiveUp)
            return null;
        return Grown(TimeSpan.FromMilliseconds(250), failedStarts.Count - 1);
    }

    private TimeSpan Grown(TimeSpan pause, int times)
    {
        var grown = pause * Math.Pow(2, Math.Min(times, 20));
        return grown < LongestPause ? grown : LongestPause;
    }
}
