using System.Runtime.InteropServices;

namespace Coordinator.Worker.Agent;

/// <summary>SIGTERM and SIGINT as two tokens: the first signal asks for an orderly end, the second for an end at once.</summary>
public sealed class WorkerSignals : IDisposable
{
    private readonly CancellationTokenSource leave = new();
    private readonly CancellationTokenSource abort = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>Takes the signals from now on.</summary>
    public WorkerSignals() => registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Leave => leave.Token;

    /// <summary>Cancelled by the second signal.</summary>
    public CancellationToken Abort => abort.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        leave.Dispose();
        abort.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (leave.IsCancellationRequested)
            abort.Cancel();
        else
            leave.Cancel();
    }
}
