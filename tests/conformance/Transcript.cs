namespace Coordinator.Conformance;

/// <summary>One file of the suite: a sentence that says which rule it holds, then steps, one a line. README.md has the words.</summary>
public sealed record Transcript
{
    private Transcript(string name, string text)
    {
        Name = name;
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        Rule = lines[0];
        Steps = [.. lines.Select((line, index) => new TranscriptStep(index + 1, line.Trim())).Skip(1).Where(
            step => step.Text.Length > 0 && step.Text[0] != '#')];
    }

    /// <summary>File name without ending.</summary>
    public string Name { get; }

    /// <summary>The first line: the rule.</summary>
    public string Rule { get; }

    /// <summary>The steps.</summary>
    public IReadOnlyList<TranscriptStep> Steps { get; }

    /// <summary>Names of all transcripts, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(Transcript).Assembly.GetManifestResourceNames().Order(StringComparer.Ordinal)
    ];

    /// <summary>A transcript of the suite.</summary>
    public static Transcript Load(string name)
    {
        using var stream = typeof(Transcript).Assembly.GetManifestResourceStream(name) ?? throw new ArgumentException(
            $"there is no transcript '{name}'", nameof(name));
        using var reader = new StreamReader(stream);
        return new Transcript(name, reader.ReadToEnd());
    }
}

/// <summary>One step.</summary>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Text">The line.</param>
public readonly record struct TranscriptStep(int Line, string Text);
