using System.Runtime.InteropServices;

namespace Coordinator.Server.Hosting;

/// <summary>
/// Ctrl-C and SIGTERM as a cancellation, so that a command can end its processes and files in order, and the exit code that
/// follows from the signal. A second signal ends the process at once; its children go with it, by their pipes.
/// </summary>
public sealed class Signals : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>Listens from now on.</summary>
    /// <param name="interrupt">
    /// Whether Ctrl-C counts. A child of ours ignores it: a terminal sends it to the whole process group, and its parent decides.
    /// </param>
    public Signals(bool interrupt = true)
    {
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
            {
                context.Cancel = true;
                if (interrupt)
                    Raise(130);
            }),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
            {
                context.Cancel = true;
                Raise(143);
            }),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Exit code of the signal that came; null where none did.</summary>
    public int? ExitCode { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        source.Dispose();
    }

    private void Raise(int code)
    {
        if (ExitCode is not null)
            Environment.Exit(ExitCode.Value);
        ExitCode = code;
        source.Cancel();
    }
}
