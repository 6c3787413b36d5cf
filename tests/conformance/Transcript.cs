namespace Coordinator.Conformance;

/// <summary>One line of a transcript: a word, and what follows it.</summary>
public sealed record TranscriptLine(int Number, string Word, IReadOnlyList<string> Arguments)
{
    /// <summary>Arguments of the form <c>name=value</c>.</summary>
    public IEnumerable<(string Name, string Value)> Fields => Arguments.Where(argument => argument.Contains('=', StringComparison.Ordinal)).Select(argument => argument.Split('=', 2)).Select(parts => (parts[0], parts[1]));
}

/// <summary>
/// What is done to an engine and what must come of it, line by line. The first line, after <c>#</c>, says which rule it holds; the words
/// are those of <see cref="Player"/>.
/// </summary>
public sealed record Transcript(string Name, string Rule, IReadOnlyList<TranscriptLine> Lines)
{
    /// <summary>All transcripts beside this assembly, by name.</summary>
    public static IReadOnlyList<Transcript> All { get; } =
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "transcripts"), "*.txt").Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>Their names, for theories.</summary>
    public static IEnumerable<object[]> Names => All.Select(transcript => new object[] { transcript.Name });

    /// <summary>The transcript of that name.</summary>
    public static Transcript Of(string name) => All.Single(transcript => transcript.Name == name);

    private static Transcript Read(string path)
    {
        var lines = File.ReadAllLines(path);
        var parsed = lines.Select((text, index) => (text, index))
            .Where(line => line.text.Length > 0 && line.text[0] != '#')
            .Select(line => line.text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is var words ? new TranscriptLine(line.index + 1, words[0], words[1..]) : null!);
        return new Transcript(Path.GetFileNameWithoutExtension(path), lines[0].TrimStart('#', ' '), [.. parsed]);
    }
}

/// <summary>An engine did not do what a transcript asks for.</summary>
public sealed class ConformanceException(string message) : Exception(message);
