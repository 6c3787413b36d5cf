namespace Coordinator.Cli.Local;

/// <summary>Finds what other projects of the solution have built: programs and libraries that this program does not reference.</summary>
public static class BuildOutput
{
    /// <summary>
    /// Where a file of <paramref name="project"/> may lie: beside this program, in a folder of the project's name there, or in the source
    /// tree's builds, first in the configuration that this program was built in.
    /// </summary>
    public static IEnumerable<string> Candidates(string project, string fileName)
    {
        var own = AppContext.BaseDirectory;
        yield return Path.Combine(own, fileName);
        yield return Path.Combine(own, project, fileName);
        var configuration = own.Contains($"{Path.DirectorySeparatorChar}Debug{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Debug" : "Release";
        for (var folder = new DirectoryInfo(own); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Coordinator.sln")))
                continue;
            yield return Built(folder, configuration);
            yield return Built(folder, configuration == "Debug" ? "Release" : "Debug");
        }

        string Built(DirectoryInfo root, string configuration) => Path.Combine(root.FullName, project, "bin", configuration, "net10.0", fileName);
    }
}
