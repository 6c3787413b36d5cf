using System.Text.RegularExpressions;

namespace Coordinator.Tests.Architecture;

/// <summary>
/// The walks of docs/architecture.md: numbered stops, each a file and words of it. A walk that sends its reader to what is not there, or
/// back to a file, is worse than none.
/// </summary>
internal static partial class WalkRules
{
    /// <summary>The walks, and how many stops each had when its files were first counted: it has fewer, and stays below.</summary>
    public static readonly IReadOnlyDictionary<string, int> StopsBefore = new Dictionary<string, int>
    {
        ["A heartbeat"] = 17,
        ["A shard's gradient"] = 20,
        ["A job file's key"] = 16,
    };

    /// <summary>What is wrong with the walks of a document.</summary>
    public static IEnumerable<string> Check(string document, IReadOnlyList<RepositoryFile> files)
    {
        foreach (var (walk, before) in StopsBefore)
        {
            var stops = StopsOf(document, walk);
            if (stops.Count == 0)
                yield return $"{walk}: the document has no such walk";
            if (stops.Count >= before)
                yield return $"{walk}: {stops.Count} stops, where there were {before}";
            foreach (var again in stops.GroupBy(stop => stop.Path).Where(same => same.Count() > 1))
                yield return $"{walk}: goes back to {again.Key}";
            foreach (var stop in stops)
            {
                if (files.FirstOrDefault(file => file.Path == stop.Path) is not { } file)
                    yield return $"{walk}: there is no {stop.Path}";
                else if (stop.Words.FirstOrDefault(word => !Regex.IsMatch(file.Text, $@"(?<!\w){Regex.Escape(word)}(?!\w)")) is { } missing)
                    yield return $"{walk}: {stop.Path} does not have {missing}";
            }
        }
    }

    /// <summary>Files of C# that a document names by their whole path and that are not there.</summary>
    public static IEnumerable<string> CheckPaths(RepositoryFile document, IReadOnlyList<RepositoryFile> files) =>
        from match in NamedFile().Matches(document.Text)
        let path = match.Groups["path"].Value
        where files.All(file => file.Path != path)
        select $"{document.Path} names {path}, which is not there";

    private static List<(string Path, string[] Words)> StopsOf(string document, string walk)
    {
        var section = Section().Matches(document).FirstOrDefault(
            match => match.Groups["title"].Value.StartsWith(walk, StringComparison.Ordinal))?.Groups["text"].Value ?? "";
        return
        [
            .. Stop().Matches(section).Select(match => (
                match.Groups["path"].Value,
                (string[])[.. Quoted().Matches(match.Groups["rest"].Value).Select(word => word.Groups["word"].Value)]))
        ];
    }

    [GeneratedRegex(@"^### (?<title>.+)\n(?<text>(?:(?!^##).*\n?)*)", RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex(@"^\d+\. `(?<path>[^`]+)`:(?<rest>.*)$", RegexOptions.Multiline)]
    private static partial Regex Stop();

    [GeneratedRegex(@"`(?<path>[A-Za-z][\w.]*/[\w./]+\.cs)`")]
    private static partial Regex NamedFile();

    [GeneratedRegex("`(?<word>[^`]+)`")]
    private static partial Regex Quoted();
}
