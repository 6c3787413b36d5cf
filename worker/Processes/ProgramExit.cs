namespace Coordinator.Worker.Processes;

/// <summary>How a program ended. One of code and signal is there.</summary>
/// <param name="Code">Its exit code; null: a signal ended it.</param>
/// <param name="Signal">The signal that ended it; null: it exited.</param>
/// <param name="Processor">Processor time of it and of those of its children that it waited for.</param>
/// <param name="PeakBytes">Most memory that it, or one of those children, held at a time.</param>
public sealed record ProgramExit(int? Code, int? Signal, TimeSpan Processor, long PeakBytes)
{
    /// <summary>The code that a shell would give: 128 and the signal's number where a signal ended it.</summary>
    public int ShellCode => Code ?? (128 + (Signal ?? 0));

    /// <summary>Whether it ended well.</summary>
    public bool IsSuccess => Code == 0;

    /// <inheritdoc/>
    public override string ToString() => Signal is { } signal ? SignalNames.Describe(signal) : $"exit code {Code}";
}
