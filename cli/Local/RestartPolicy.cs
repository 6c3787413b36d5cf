namespace Coordinator.Cli.Local;

/// <summary>
/// Decides when a child that ended is started again. A child that had come up is started again at once, however often it is
/// killed; one that dies at every start is tried with growing pauses and then given up, so that a broken build or option is a
/// message and not a loop.
/// </summary>
public sealed class RestartPolicy
{
    private readonly Queue<TimeSpan> failedStarts = new();
    private bool cameUpOnce;

    /// <summary>Pause before a child that had come up is started again.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Failed starts in a row, within <see cref="Window"/>, after which the child is given up. At least 1.</summary>
    public int Tries { get; init; } = 5;

    /// <summary>Failed starts longer ago do not count.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Takes note of an end at <paramref name="now"/> (monotonic).</summary>
    /// <returns>How long to wait before the next start, or null: give it up.</returns>
    public TimeSpan? AfterExit(TimeSpan now, ChildExit exit)
    {
        if (exit.WasReady)
        {
            cameUpOnce = true;
            failedStarts.Clear();
            return Pause;
        }

        // Exit code 2 says that the command line or the configuration is wrong; the next start would meet the same. Once it came up
        // with them, something else is in its way, and that may go.
        if (exit.Code == Output.ExitCodes.Usage && !cameUpOnce)
            return null;
        failedStarts.Enqueue(now);
        while (now - failedStarts.Peek() > Window)
            failedStarts.Dequeue();
        if (failedStarts.Count >= Tries)
            return null;
        return TimeSpan.FromMilliseconds(250 * Math.Pow(2, failedStarts.Count - 1));
    }
}
