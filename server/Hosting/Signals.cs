using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coordinator.Server.Hosting;

/// <summary>
/// The signals that ask a process to end, as a cancellation, so that a command can end its processes and files in order, and the exit code
/// that follows from the signal: Ctrl-C (SIGINT), SIGTERM, SIGHUP of a terminal that closes, and SIGUSR1 and SIGUSR2, by which batch
/// systems warn. A second one of the same strength ends the process at once; its children go with it, by their pipes.
/// </summary>
public sealed class Signals : IDisposable
{
    /// <summary>
    /// Within this time a second signal is the first one's echo: <c>timeout</c> sends to the process and then to its group.
    /// </summary>
    public static readonly TimeSpan Echo = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(300);

    // Of Linux on x86-64 and ARM64; the runtime has names for the others only, and takes numbers.
    private static readonly (PosixSignal Signal, int Number)[] Warnings = OperatingSystem.IsLinux()
        ? [((PosixSignal)10, 10), ((PosixSignal)12, 12)]
        : [];

    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly Lock gate = new();
    private readonly bool isChild;
    private (int Number, long At)? first;

    /// <summary>Listens from now on.</summary>
    /// <param name="isChild">
    /// Whether it is a child of ours, whose parent decides: terminals, <c>timeout</c>, systemd and batch systems send to a whole process
    /// group, and the parent still needs its children to save what they hold. A child ignores them all and ends by its
    /// <see cref="ParentPipe"/>.
    /// </param>
    public Signals(bool isChild = false)
    {
        this.isChild = isChild;
        (PosixSignal Signal, int Number)[] all = [(PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15), (PosixSignal.SIGHUP, 1), .. Warnings];
        foreach (var (signal, number) in all)
        {
            registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Raise(number);
            }));
        }
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Exit code of the signal that came, 128 and its number; null where none did.</summary>
    public int? ExitCode
    {
        get
        {
            lock (gate)
                return first is { } came ? 128 + came.Number : null;
        }
    }

    /// <summary>Whether the signal that came was Ctrl-C: a person's, not a scheduler's.</summary>
    public bool IsInterrupt => ExitCode == 130;

    /// <summary>Whether a signal means the end at once, after an earlier one.</summary>
    /// <param name="firstNumber">The earlier one's number.</param>
    /// <param name="number">The signal's number.</param>
    /// <param name="since">Time between the two.</param>
    public static bool EndsAtOnce(int firstNumber, int number, TimeSpan since) =>
        since >= Echo && Strength(number) == Strength(firstNumber) && Strength(number) > 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        source.Dispose();
    }

    /// <summary>
    /// A batch system warns first and sends SIGTERM later; systemd and shells may send SIGHUP beside SIGTERM. Neither is a person who
    /// insists.
    /// </summary>
    private static int Strength(int number) => number switch
    {
        2 or 15 => 2,
        1 => 1,
        _ => 0,
    };

    private void Raise(int number)
    {
        if (isChild)
            return;
        lock (gate)
        {
            if (first is { } earlier)
            {
                if (EndsAtOnce(earlier.Number, number, Stopwatch.GetElapsedTime(earlier.At)))
                {
                    StandardStreams.Drain(LastWords);
                    Environment.Exit(128 + number);
                }

                // What comes behind a warning is what the next one is compared with.
                if (Strength(number) > Strength(earlier.Number))
                    first = (number, Stopwatch.GetTimestamp());
                return;
            }

            first = (number, Stopwatch.GetTimestamp());
        }

        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The command has ended by itself at the same time.
        }
    }
}
