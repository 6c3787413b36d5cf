namespace Coordinator.Conformance;

/// <summary>An engine did not do what a transcript expects.</summary>
public sealed class TranscriptFailedException(string message, Exception? inner = null) : Exception(message, inner);
