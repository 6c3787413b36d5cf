using System.Text.RegularExpressions;

namespace Coordinator.Tests.Architecture;

/// <summary>
/// Folders of one project use each other one way only: whoever reads one of them can stop at what it uses. Told from the using directives,
/// which name folders, since namespaces are folders (IDE0130).
/// </summary>
internal static partial class FolderRules
{
    /// <summary>Projects of which this holds.</summary>
    public static readonly IReadOnlyList<string> Projects = ["configuration", "planning", "runs", "lab", "cli"];

    /// <summary>A round of folders that use each other, one complaint for each project that has one.</summary>
    public static IEnumerable<string> Check(IEnumerable<RepositoryFile> files)
    {
        foreach (var project in Projects)
        {
            var used = Uses(project, files);
            if (used.Keys.Order(StringComparer.Ordinal).Select(folder => Round(folder, used)).OfType<string>()
                .FirstOrDefault() is { } round)
            {
                yield return $"{project}: {round} use each other";
            }
        }
    }

    private static Dictionary<string, HashSet<string>> Uses(string project, IEnumerable<RepositoryFile> files)
    {
        var root = $"Coordinator.{char.ToUpperInvariant(project[0])}{project[1..]}";
        var uses = new Dictionary<string, HashSet<string>>();
        foreach (var file in files.Where(
            file => file.Path.StartsWith(project + "/", StringComparison.Ordinal) && file.Path.EndsWith(".cs", StringComparison.Ordinal)))
        {
            var own = FolderOf(file.Path);
            var folders = UsingDirective().Matches(file.Text).Select(match => match.Groups["name"].Value)
                .Where(name => name.StartsWith(root + ".", StringComparison.Ordinal))
                .Select(name => project + name[root.Length..].Replace('.', '/'))
                .Where(folder => folder != own);
            uses.TryAdd(own, []);
            uses[own].UnionWith(folders);
        }

        return uses;
    }

    /// <summary>The way from a folder back to itself; null where there is none.</summary>
    private static string? Round(string start, Dictionary<string, HashSet<string>> uses)
    {
        var seen = new HashSet<string>();
        var ways = new Queue<string[]>([[start]]);
        while (ways.TryDequeue(out var way))
        {
            foreach (var next in uses.GetValueOrDefault(way[^1], []).Order(StringComparer.Ordinal))
            {
                if (next == start)
                    return string.Join(" -> ", [.. way, next]);
                if (seen.Add(next))
                    ways.Enqueue([.. way, next]);
            }
        }

        return null;
    }

    private static string FolderOf(string path) => path[..path.LastIndexOf('/')];

    [GeneratedRegex(@"^using (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex UsingDirective();
}
