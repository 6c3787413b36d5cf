using System.Text.RegularExpressions;

namespace Coordinator.Tests.Architecture;

/// <summary>House style that no analyzer checks. Functions from text to complaints, like <see cref="ArrowRules"/>.</summary>
internal static partial class TidyRules
{
    /// <summary>A file longer than this has more than one subject.</summary>
    public const int MaximumLines = 500;

    /// <summary>Files that may be longer, each with the reason.</summary>
    public static readonly IReadOnlyDictionary<string, string> LongFiles = new Dictionary<string, string>();

    /// <summary>Columns of a line of C#, as .editorconfig has it for editors; no analyzer of the SDK looks at it.</summary>
    public const int MaximumColumns = 140;

    /// <summary>
    /// How many longer lines a folder still has, at most: what is written anew is shorter, and whoever breaks old ones lowers the number. A
    /// folder that is not named has none.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, int> LongLines = new Dictionary<string, int>
    {
        ["machines"] = 1,
        ["simulator"] = 4,
        ["server"] = 8,
        ["worker"] = 7,
        ["worker.ilgpu"] = 14,
        ["planning"] = 17,
        ["runs"] = 3,
        ["lab"] = 3,
        ["cli"] = 7,
        ["bench"] = 6,
        ["eng"] = 1,
        ["tests"] = 25,
    };

    /// <summary>Tests that may wait in real time, each with the reason.</summary>
    public static readonly IReadOnlyDictionary<string, string> WaitingTests = new Dictionary<string, string>();

    // The rules and their tests quote what they forbid.
    private const string Exempt = "tests/core/Architecture/";

    /// <summary>What is wrong with a file.</summary>
    public static IEnumerable<string> Check(RepositoryFile file)
    {
        var lines = file.Text.Split('\n');
        if (IsWritten(file.Path) && lines.Length - 1 > MaximumLines && !LongFiles.ContainsKey(file.Path))
            yield return $"{file.Path}: {lines.Length - 1} lines; split it, or give the reason in {nameof(LongFiles)}";

        if (file.Path.StartsWith(Exempt, StringComparison.Ordinal))
            yield break;

        for (var number = 1; number <= lines.Length; number++)
        {
            foreach (var complaint in CheckLine(file.Path, lines[number - 1]))
                yield return $"{file.Path}:{number}: {complaint}";
        }
    }

    /// <summary>Folders with more long lines than they had.</summary>
    public static IEnumerable<string> CheckColumns(IEnumerable<RepositoryFile> files) =>
        from file in files
        where file.Path.EndsWith(".cs", StringComparison.Ordinal)
        group file.Text.Split('\n').Count(line => line.Length > MaximumColumns) by file.Path.Split('/')[0] into folder
        let found = folder.Sum()
        where found > LongLines.GetValueOrDefault(folder.Key)
        select $"{folder.Key}: {found} lines of more than {MaximumColumns} columns, where {LongLines.GetValueOrDefault(folder.Key)} are allowed; break those that are new";

    private static IEnumerable<string> CheckLine(string path, string line)
    {
        if (IsWritten(path) && Unfinished().Match(line) is { Success: true } unfinished)
            yield return $"{unfinished.Value}: finish it or file it as an issue";

        if (path.StartsWith("tests/", StringComparison.Ordinal) && path.EndsWith(".cs", StringComparison.Ordinal)
            && Waiting().Match(line) is { Success: true } waiting && !WaitingTests.ContainsKey(path))
        {
            yield return $"{waiting.Value}: a test waits for an event, or moves the time itself";
        }

        if (path.StartsWith("tests/core/", StringComparison.Ordinal) && Starting().Match(line) is { Success: true } starting)
            yield return $"{starting.Value}: a test that starts processes belongs in tests/processes";

        if (MachinePath().Match(line) is { Success: true } machinePath)
            yield return $"{machinePath.Value}: a path of one machine";

        if (RegistryAddress().Match(line) is { Success: true } address)
            yield return $"{address.Value}: where packages come from is each user's own setting";
    }

    // What people write, as opposed to what tools write.
    private static bool IsWritten(string path) =>
        Path.GetExtension(path) is ".cs" or ".csproj" or ".props" or ".targets" or ".proj" or ".md" or ".sh" or ".sql" or ".js" or ".css"
            or ".html"
        || path.StartsWith(".ci/", StringComparison.Ordinal);

    [GeneratedRegex(@"\b(TODO|HACK|FIXME|XXX|NotImplementedException)\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\b(Thread\.Sleep|Task\.Delay)\s*\(")]
    private static partial Regex Waiting();

    [GeneratedRegex(
        @"\b(Process\.Start|new Executable|Executable\.UnderMask|ChildProcess\.Start|(LocalCluster|PostgresProcess)\.StartAsync)\(")]
    private static partial Regex Starting();

    [GeneratedRegex(@"(?<![\w.${}<>*])(/(root|work)/|/home/\w+/|/Users/\w+/)|[A-Z]:\\Users\\")]
    private static partial Regex MachinePath();

    [GeneratedRegex(
        @"https?://[^\s""'<>)]*(nuget|npmjs|pypi|crates\.io|registry|artifactory|nexus|deb\.debian)[^\s""'<>)]*", RegexOptions.IgnoreCase)]
    private static partial Regex RegistryAddress();
}
