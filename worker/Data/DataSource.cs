namespace Coordinator.Worker.Data;

/// <summary>One file of training data.</summary>
/// <param name="Path">Full path.</param>
/// <param name="RelativePath">Path below the source's root with forward slashes; decides the order.</param>
public sealed record DataFile(string Path, string RelativePath)
{
    /// <summary>Where the link leads that it is; null: it is none.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>Whether it is a link that leads out of the folder that was named: its target was perhaps not meant.</summary>
    public bool LeadsOut { get; init; }
}

/// <summary>The files that make up a data set, in ordinal order of their relative paths: the same order on every machine.</summary>
/// <param name="Name">What the user named, or the repository's root.</param>
/// <param name="Files">At least one.</param>
public sealed record DataSource(string Name, IReadOnlyList<DataFile> Files)
{
    /// <summary>What lies in the folder that was named and is not trained on, in ordinal order of the paths.</summary>
    public IReadOnlyList<LeftOut> LeftOut { get; init; } = [];

    /// <summary>Whether every file's bytes are taken as they are, whatever they look like.</summary>
    public bool IsBinary { get; init; }

    private const string RepositoryMarker = "Coordinator.sln";

    // Prose and source code. Scripts and styles of web pages, JSON and recorded data are left out: minified or generated, they teach
    // nothing legible.
    private static readonly string[] RepositoryExtensions =
        [".cs", ".csproj", ".md", ".props", ".sh", ".sql", ".targets", ".txt", ".yaml", ".yml"];

    /// <summary>
    /// Finds the files behind <c>--data</c>: a file; a directory (every text or token file below it); a glob with
    /// <c>*</c>, <c>?</c> and <c>**</c>; or, with null, the sources and documents of the repository around
    /// <paramref name="currentDirectory"/>. Directories leave out hidden entries and folders named bin, obj or artifacts;
    /// globs leave out hidden entries only. Both leave out frozen copies and folders of runs and silos in them (with a run.lock, run.json
    /// or coordinator.db); of one that is named itself, what the run made there. Links to directories are not followed, links to files are.
    /// </summary>
    /// <param name="path">What the user gave, relative to <paramref name="currentDirectory"/>; null for the repository.</param>
    /// <param name="currentDirectory">Full path.</param>
    /// <param name="isBinary">Whether files are taken that are neither text nor tokens.</param>
    /// <exception cref="DataException">
    /// <see cref="DataProblem.Missing"/>, <see cref="DataProblem.Empty"/> (a directory without a usable file), <see
    /// cref="DataProblem.Unreadable"/>,
    /// <see cref="DataProblem.WrongFormat"/> (a directory holds text or tokens that cannot be read), <see cref="DataProblem.MixedSets"/>.
    /// </exception>
    public static DataSource Find(string? path, string currentDirectory, bool isBinary = false)
    {
        if (path is null)
            return FindRepository(currentDirectory);

        if (path.Length == 0 || path.Contains('\0'))
            throw new DataException(DataProblem.Missing, "--data is empty; name a file, a directory or a glob");

        var full = Path.GetFullPath(path, currentDirectory);
        if (File.Exists(full))
            return new DataSource(path, [new DataFile(full, Path.GetFileName(full))]) { IsBinary = isBinary };

        if (Directory.Exists(full))
        {
            var walk = DataFolder.Walk(full, DataFolder.IsBuildOutput);
            var source = NotEmpty(path, walk.Files.Where(file => isBinary || walk.Takes(file)), walk.LeftOut) with { IsBinary = isBinary };
            HeldOutSets.Refuse(source);
            return source;
        }

        if (path.AsSpan().ContainsAny('*', '?'))
        {
            // Whoever writes a pattern has chosen: what it does not match was not wanted, and what it matches is judged when it is read.
            var glob = new GlobPattern(full);
            if (!Directory.Exists(glob.Root))
                throw Missing(glob.Root);
            var found = DataFolder.Walk(glob.Root, _ => false);
            return NotEmpty(
                path, found.Files.Where(file => glob.Matches(file.RelativePath)),
                [.. found.LeftOut.Where(one => one.Why != DataFolder.Hidden && glob.Matches(one.RelativePath))]) with
            { IsBinary = isBinary };
        }

        throw Missing(full);
    }

    private static DataSource FindRepository(string currentDirectory)
    {
        for (var directory = new DirectoryInfo(currentDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, RepositoryMarker)))
            {
                var files = DataFolder.Walk(directory.FullName, DataFolder.IsBuildOutput).Files
                    .Where(file => RepositoryExtensions.Contains(Path.GetExtension(file.Path), StringComparer.Ordinal));
                return NotEmpty(directory.FullName, files, []);
            }
        }

        throw new DataException(
            DataProblem.Missing,
            $"{currentDirectory}: no {RepositoryMarker} here or above, so there is no repository to train on; name a file, a directory or "
                + "a glob with --data");
    }

    private static DataSource NotEmpty(string name, IEnumerable<DataFile> files, IReadOnlyList<LeftOut> leftOut)
    {
        // What is taken is looked at here, and with that what is left out is complete.
        var ordered = files.OrderBy(file => file.RelativePath, StringComparer.Ordinal).ToArray();
        return ordered.Length > 0
            ? new DataSource(name, ordered) { LeftOut = [.. leftOut.OrderBy(one => one.RelativePath, StringComparer.Ordinal)] }
            : throw new DataException(
                DataProblem.Empty,
                $"{name}: no text or token file that is not empty (hidden entries, folders bin, obj and artifacts, folders of runs, and "
                    + "what a run made in its own are left out); "
                + "name a file, a directory or a glob with --data"
                + DataReport.Appended(leftOut));
    }

    private static DataException Missing(string path) =>
        new(DataProblem.Missing, $"{path}: no such file or directory; name a file, a directory or a glob with --data");
}
