namespace Coordinator.Programs;

/// <summary>What a program is given for each of its samples.</summary>
/// <param name="Kind">Rows of a table, windows of tokens, or nothing.</param>
/// <param name="Tokens">Tokens of a window; 0 for anything else.</param>
public readonly record struct Samples(SampleKind Kind, int Tokens)
{
    /// <summary>The program makes its own samples from their positions.</summary>
    public static Samples None => default;

    /// <summary>One row of the job's table (<c>--data table.csv</c>) each. In an epoch every row comes up exactly once.</summary>
    public static Samples Rows => new(SampleKind.Rows, 0);

    /// <summary>
    /// A window of <paramref name="length"/> tokens of the job's text (bytes) or token files each. Windows share their last token with the
    /// next one's first, so that each of length - 1 tokens is a target once in an epoch.
    /// </summary>
    /// <param name="length">2 or more: inputs and, moved by one, targets.</param>
    public static Samples Windows(int length) =>
        length >= 2 ? new(SampleKind.Windows, length)
            : throw new ProgramException($"a window of {length} tokens has no target; it needs 2 or more");
}

/// <summary>Kinds of <see cref="Samples"/>.</summary>
public enum SampleKind
{
    /// <summary>Nothing but a position.</summary>
    None,

    /// <summary>A row of numbers.</summary>
    Rows,

    /// <summary>A window of tokens.</summary>
    Windows,
}
