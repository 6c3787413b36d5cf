namespace Coordinator.Worker.Data;

/// <summary>
/// What a source is made of, in words: what was taken, by which links, and what was left out and why. Nobody should train on less or more
/// than they think.
/// </summary>
public static class DataReport
{
    private const int MostNamed = 3;

    /// <summary>Lines for people; the first says what is taken.</summary>
    public static IReadOnlyList<string> Of(DataSource source)
    {
        var taken = source.Files.Count == 1 ? source.Files[0].Path : $"{source.Files.Count} files of {source.Name}";
        var lines = new List<string> { $"data: {taken}{(source.IsBinary ? ", as bytes" : "")}" };
        var links = source.Files.Where(file => file.LinkTarget is not null).ToArray();
        if (links.Length > 0)
            lines.Add(
                $"{(links.Length == 1 ? "one of them is a link" : $"{links.Length} of them are links")}: "
                    + $"{Some(links.Select(link => $"{link.RelativePath} to {link.LinkTarget}"), links.Length)}");
        if (source.LeftOut.Count > 0)
            lines.Add($"left out: {LeftOut(source.LeftOut)}");
        return lines;
    }

    /// <summary>What was left out, as the end of a message; empty where nothing was.</summary>
    internal static string Appended(IReadOnlyList<LeftOut> leftOut) => leftOut.Count == 0 ? "" : $"; left out are {LeftOut(leftOut)}";

    private static string LeftOut(IReadOnlyList<LeftOut> leftOut) =>
        string.Join("; ", leftOut.GroupBy(one => one.Why, StringComparer.Ordinal)
        .OrderByDescending(group => group.Key != "hidden")
        .Select(group => $"{Some(group.Select(one => one.RelativePath), group.Count())} ({group.Key})"));

    private static string Some(IEnumerable<string> names, int count) =>
        count <= MostNamed ? string.Join(", ", names) : $"{string.Join(", ", names.Take(MostNamed))} and {count - MostNamed} more";
}
