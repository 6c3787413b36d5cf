using System.ComponentModel;
using System.Diagnostics;

namespace Coordinator.Runs.Alerts;

/// <summary>Runs a command for each alert, with the alert as JSON on its standard input.</summary>
public sealed class CommandSink(string command) : IAlertSink
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public async Task<string?> TellAsync(Alert alert, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        Process? process = null;
        try
        {
            process = Process.Start(new ProcessStartInfo(command) { RedirectStandardInput = true })!;
            await WriteAsync(process, alert, patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return process.ExitCode == 0 ? null : $"{command} ended with exit code {process.ExitCode}";
        }
        catch (Win32Exception refused)
        {
            return $"{command} cannot be started: {refused.Message}";
        }
        catch (OperationCanceledException)
        {
            process?.Kill(entireProcessTree: true);
            cancel.ThrowIfCancellationRequested();
            return $"{command} did not end within {Patience.TotalSeconds:0} s";
        }
        finally
        {
            process?.Dispose();
        }
    }

    private static async Task WriteAsync(Process process, Alert alert, CancellationToken cancel)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(AlertText.Document(alert).ToJsonString().AsMemory(), cancel);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It does not read: how it ends says whether it was told.
        }
    }
}
