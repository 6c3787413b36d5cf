namespace Coordinator.Tests.Architecture;

/// <summary>A file of the repository, as the rules see it.</summary>
/// <param name="Path">From the root, with forward slashes.</param>
/// <param name="Text">Its content.</param>
internal sealed record RepositoryFile(string Path, string Text);

/// <summary>The repository that these tests were built from, read from disk so that it works without git as well.</summary>
internal static class Repository
{
    private static readonly HashSet<string> Skipped = ["bin", "obj", "artifacts", "TestResults", "node_modules"];

    private static readonly HashSet<string> TextEndings =
    [
        "", ".cs", ".csproj", ".props", ".targets", ".proj", ".sln", ".json", ".md", ".sh", ".txt", ".yaml", ".yml", ".sql",
        ".html", ".css", ".js", ".config", ".editorconfig", ".gitignore", ".gitattributes", ".dockerignore", ".toml", ".policy",
        ".rules", ".c",
    ];

    private static readonly Lazy<IReadOnlyList<RepositoryFile>> All = new(ReadAll);

    /// <summary>Its folder.</summary>
    public static string Root => FindRoot();

    /// <summary>Every text file outside build output and hidden folders other than <c>.ci</c>, in ordinal order of paths.</summary>
    public static IReadOnlyList<RepositoryFile> Files => All.Value;

    /// <summary>The files whose path ends so.</summary>
    public static IEnumerable<RepositoryFile> Ending(string ending) =>
        Files.Where(file => file.Path.EndsWith(ending, StringComparison.Ordinal));

    private static List<RepositoryFile> ReadAll()
    {
        var root = FindRoot();
        return Walk(root)
            .Where(path => TextEndings.Contains(Path.GetExtension(path)))
            .Select(path => new RepositoryFile(Path.GetRelativePath(root, path).Replace('\\', '/'), File.ReadAllText(path)))
            .OrderBy(file => file.Path, StringComparer.Ordinal)
            .ToList();
    }

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (var file in Directory.GetFiles(folder))
            yield return file;

        foreach (var inner in Directory.GetDirectories(folder))
        {
            var name = Path.GetFileName(inner);
            if (Skipped.Contains(name) || (name.StartsWith('.') && name != ".ci"))
                continue;

            foreach (var file in Walk(inner))
                yield return file;
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Coordinator.sln")))
                return folder.FullName;
        }

        throw new InvalidOperationException($"No Coordinator.sln above {AppContext.BaseDirectory}.");
    }
}
