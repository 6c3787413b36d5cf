namespace Coordinator.Conformance;

/// <summary>An engine did not do what a transcript expects.</summary>
public sealed class TranscriptFailedException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The step, as it is written; null where none is known.</summary>
    public string? Step { get; init; }
}
