using System.Diagnostics;

namespace Coordinator.Mutants;

/// <summary>A copy of a tree of this repository, in which the mutants are built.</summary>
internal static class WorkingCopy
{
    /// <summary>
    /// Copies what git would commit, as it lies in the tree; what has not changed since the last time keeps its date, so that builds stay
    /// short.
    /// </summary>
    public static void Make(string tree, string copy)
    {
        foreach (var path in Run(tree, "git", ["ls-files", "-co", "--exclude-standard", "-z"]).Split(
            '\0', StringSplitOptions.RemoveEmptyEntries))
        {
            // The sources of the machines are written with their mutants.
            var (from, to) = (Path.Combine(tree, path), Path.Combine(copy, path));
            if (!File.Exists(from) || IsSame(from, to)
                || (path.StartsWith("machines/", StringComparison.Ordinal) && path.EndsWith(".cs", StringComparison.Ordinal)))
            {
                continue;
            }
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(from, to, overwrite: true);
        }
    }

    /// <summary>
    /// Builds the tests, or the simulator alone. A mutant may make code unreachable: warnings are no errors here, and nothing is analysed.
    /// </summary>
    public static void Build(string copy, string project) => Run(copy, "dotnet", [
        "build", project, "-v", "q", "--nologo", "-p:TreatWarningsAsErrors=false", "-p:RunAnalyzers=false",
        "-p:GenerateDocumentationFile=false", "-nodeReuse:false",
    ]);

    private static bool IsSame(string from, string to) =>
        File.Exists(to) && new FileInfo(from).Length == new FileInfo(to).Length
            && File.ReadAllBytes(from).AsSpan().SequenceEqual(File.ReadAllBytes(to));

    private static string Run(string folder, string program, IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException(
            $"{program} {string.Join(' ', arguments)} failed with exit code {process.ExitCode}:{Environment.NewLine}{output}");
    }
}
