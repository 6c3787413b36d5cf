using Coordinator.Machines;

namespace Coordinator.Configuration;

/// <summary>Where a setting was given; all null on the command line.</summary>
internal readonly record struct SourceLocation(string? File, int? Line, int? Column)
{
    /// <summary>Begins a message the way compilers do, so that editors can jump there: <c>job.yaml:7:3: </c>.</summary>
    public string Prefix => (File, Line, Column) switch
    {
        (null, _, _) => "",
        (_, null, _) => $"{Shown}: ",
        (_, _, null) => $"{Shown}:{Line}: ",
        _ => $"{Shown}:{Line}:{Column}: ",
    };

    /// <summary>A file's name may hold line ends.</summary>
    private string Shown => PlainText.Line(File!);
}

/// <summary>A key with the value someone gave it, as text.</summary>
/// <param name="Key">Dotted, such as <c>training.steps</c>.</param>
/// <param name="Value">Text without quotes.</param>
/// <param name="KeyLocation">Where the key stands.</param>
/// <param name="ValueLocation">Where the value stands.</param>
internal sealed record Setting(string Key, string Value, SourceLocation KeyLocation, SourceLocation ValueLocation);
