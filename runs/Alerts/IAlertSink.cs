namespace Coordinator.Runs.Alerts;

/// <summary>Where alerts go.</summary>
public interface IAlertSink
{
    /// <summary>Tells one. One that was not told is told again until it is.</summary>
    /// <returns>Why it was not told; null: it was.</returns>
    Task<string?> TellAsync(Alert alert, CancellationToken cancel);
}
