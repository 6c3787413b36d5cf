using Coordinator.Machines;

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
        lines.AddRange(
            from link in source.Files
            where link.LinkTarget is not null
            group link by link.LeadsOut into links
            orderby links.Key descending
            select Links([.. links], links.Key, source.Files.Count));
        if (source.LeftOut.Count > 0)
            lines.Add($"left out: {LeftOut(source.LeftOut)}");

        // A file's name may hold line ends, and a line of its own could pass for one of ours.
        return [.. lines.Select(line => PlainText.Line(line))];
    }

    /// <summary>What was left out, as the end of a message; empty where nothing was.</summary>
    internal static string Appended(IReadOnlyList<LeftOut> leftOut) => leftOut.Count == 0 ? "" : $"; left out are {LeftOut(leftOut)}";

    /// <summary>Links are followed, since stores of data sets are made of them; where one leads out of the folder, that is said.</summary>
    private static string Links(DataFile[] links, bool leadOut, int files)
    {
        var who = files == 1 ? "it is a link" : links.Length == 1 ? "one of them is a link" : $"{links.Length} of them are links";
        var where = leadOut ? " out of the folder, and followed" : "";
        return $"{who}{where}: {Some(links.Select(link => $"{link.RelativePath} to {link.LinkTarget}"), links.Length)}";
    }

    private static string LeftOut(IReadOnlyList<LeftOut> leftOut) =>
        string.Join("; ", leftOut.GroupBy(one => one.Why, StringComparer.Ordinal)
        .OrderByDescending(group => group.Key != DataFolder.Hidden)
        .Select(group => $"{Some(group.Select(one => one.RelativePath), group.Count())} ({group.Key})"));

    private static string Some(IEnumerable<string> names, int count) =>
        count <= MostNamed ? string.Join(", ", names) : $"{string.Join(", ", names.Take(MostNamed))} and {count - MostNamed} more";
}
