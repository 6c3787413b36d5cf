using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Coordinator.Tests.Architecture;

/// <summary>
/// Which folder may use which (docs/architecture.md, "Folders and arrows"). Rules are functions from text to complaints,
/// so that tests can feed them what must be refused.
/// </summary>
internal static partial class ArrowRules
{
    /// <summary>For each folder with a project: the folders of ours that it may use.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Allowed = new Dictionary<string, string[]>
    {
        ["machines"] = [],
        ["disk"] = [],
        ["grains"] = ["machines"],
        ["server"] = ["machines", "disk"],
        ["silo"] = ["machines", "disk", "grains", "server"],
        // What strangers build their programs against: nothing of ours comes with it.
        ["programs"] = [],
        ["programs.ilgpu"] = ["programs"],
        ["worker"] = ["machines", "disk", "programs"],
        ["worker.ilgpu"] = ["machines", "programs", "programs.ilgpu", "worker"],
        ["simulator"] = ["machines"],
        // What users write: job files, and the form in which planned clusters are written too.
        ["configuration"] = ["machines", "disk"],
        ["planning"] = ["machines", "simulator", "configuration"],
        // Processes of this computer: they are started by the command's name, so that no reference to cli is needed.
        ["runs"] = ["machines", "disk", "configuration", "server", "worker"],
        ["lab"] = ["machines", "server", "worker", "runs"],
        ["cli"] =
        [
            "machines", "disk", "programs", "server", "silo", "worker", "worker.ilgpu", "simulator", "configuration", "planning", "runs",
            "lab",
        ],
        // The recovery bench starts the command's own processes, and kills them.
        ["bench"] =
        [
            "machines", "grains", "server", "worker", "worker.ilgpu", "simulator", "configuration", "runs", "lab", "cli",
            "tests/decoders",
        ],
        // What every engine must do, and no engine: transcripts, and what plays them.
        ["tests/conformance"] = ["machines"],
        // What feeds readers with generated inputs: a part by the tests, a million by a bench.
        ["tests/decoders"] = ["machines", "server", "worker", "configuration", "runs", "cli", "tests/conformance"],
        ["tests/core"] =
        [
            "machines", "disk", "programs", "server", "silo", "worker", "simulator", "configuration", "planning", "runs", "lab", "cli",
            "tests/conformance", "tests/decoders", "tests/support",
        ],
        // What test projects share.
        ["tests/support"] = ["machines", "server", "silo", "worker", "runs"],
        ["tests/processes"] =
        [
            "machines", "disk", "server", "silo", "worker", "configuration", "runs", "lab", "cli", "tests/support",
        ],
        // Its clusters of real processes are those that the command starts.
        ["tests/orleans"] = ["machines", "grains", "silo", "server", "worker", "runs", "cli", "tests/conformance", "tests/support"],
        ["tests/ilgpu"] = ["machines", "worker", "worker.ilgpu", "runs", "cli", "tests/support"],
    };

    // Longest first: Coordinator.Worker.Ilgpu is not part of the worker.
    private static readonly (string Namespace, string Folder)[] Namespaces =
    [
        ("Coordinator.Tests.Support", "tests/support"), ("Coordinator.Tests.Processes", "tests/processes"),
        ("Coordinator.Worker.Ilgpu", "worker.ilgpu"), ("Coordinator.Tests.Orleans", "tests/orleans"),
        ("Coordinator.Tests.Ilgpu", "tests/ilgpu"),
        ("Coordinator.Programs.Ilgpu", "programs.ilgpu"), ("Coordinator.Programs", "programs"),
        ("Coordinator.Machines", "machines"), ("Coordinator.Disk", "disk"), ("Coordinator.Grains", "grains"),
        ("Coordinator.Server", "server"),
        ("Coordinator.Silo", "silo"), ("Coordinator.Worker", "worker"), ("Coordinator.Simulator", "simulator"), ("Coordinator.Cli", "cli"),
        ("Coordinator.Configuration", "configuration"), ("Coordinator.Planning", "planning"), ("Coordinator.Runs", "runs"),
        ("Coordinator.Lab", "lab"),
        ("Coordinator.Bench", "bench"), ("Coordinator.Conformance", "tests/conformance"), ("Coordinator.Decoders", "tests/decoders"),
        ("Coordinator.Tests", "tests/core"),
    ];

    private static readonly string[] OrleansFolders = ["grains", "silo", "bench", "tests/orleans"];
    private static readonly string[] IlgpuFolders = ["programs.ilgpu", "worker.ilgpu", "tests/ilgpu"];

    // A command line is read in one place: what other folders need of it, they are given.
    private static readonly string[] CommandLineFolders = ["cli", "bench", "tests/core", "tests/processes"];

    // What decides which source is compiled against what.
    private static readonly string[] InTheBuild =
        ["PackageReference", "PackageDownload", "ProjectReference", "FrameworkReference", "Reference", "Compile", "DefineConstants", "EnableDefaultCompileItems"];

    /// <summary>The project folder that a file belongs to; null outside all of them.</summary>
    public static string? FolderOf(string path) =>
        Allowed.Keys.Where(folder => path.StartsWith(folder + "/", StringComparison.Ordinal)).MaxBy(folder => folder.Length);

    /// <summary>
    /// Samples are outside the solution, as whoever begins from them is: they build from our packages alone.
    /// </summary>
    public static bool IsSample(string path) => path.StartsWith("samples/", StringComparison.Ordinal);

    /// <summary>What is wrong with the references of a sample's project file.</summary>
    public static IEnumerable<string> CheckSample(RepositoryFile project)
    {
        var xml = XDocument.Parse(project.Text);
        return Includes(xml, "ProjectReference").Select(include => $"{project.Path}: a sample references no project, but {include}")
            .Concat(Includes(xml, "PackageReference").Where(package => !IsWithin(package, "Coordinator.Programs")).Select(package =>
                $"{project.Path}: a sample needs our packages alone, not {package}"));
    }

    /// <summary>What is wrong with the references of a project file.</summary>
    public static IEnumerable<string> CheckProject(RepositoryFile project)
    {
        var folder = FolderOf(project.Path);
        if (folder is null)
        {
            yield return $"{project.Path}: a project in a folder that has no row in {nameof(ArrowRules)}.{nameof(Allowed)}";
            yield break;
        }

        var xml = XDocument.Parse(project.Text);
        foreach (var include in Includes(xml, "ProjectReference"))
        {
            var target = Resolve(project.Path, include);
            var used = FolderOf(target);
            if (used is null || !Allowed[folder].Contains(used))
                yield return $"{project.Path}: {folder} may not use {used ?? target}";
        }

        foreach (var include in Includes(xml, "Compile").Where(include => FolderOf(Resolve(project.Path, include)) != folder))
            yield return $"{project.Path}: compiles {include} of another folder, which goes around the arrows";

        foreach (var element in new[] { "PackageReference", "PackageDownload", "FrameworkReference", "Reference" })
        {
            foreach (var complaint in Includes(xml, element).Select(include => CheckLibrary(folder, include)).OfType<string>())
                yield return $"{project.Path}: {complaint}";
        }
    }

    /// <summary>What is wrong with the using directives of a source file.</summary>
    public static IEnumerable<string> CheckSource(RepositoryFile source)
    {
        if (FolderOf(source.Path) is not { } folder)
            yield break;

        foreach (var used in UsingDirective().Matches(source.Text).Select(match => match.Groups["name"].Value))
        {
            var target = Namespaces.FirstOrDefault(pair => IsWithin(used, pair.Namespace)).Folder;
            if (target is not null && target != folder && !Allowed[folder].Contains(target))
                yield return $"{source.Path}: {folder} may not use {target} (using {used})";

            if (CheckFamily(folder, used) is { } complaint)
                yield return $"{source.Path}: {complaint}";
        }
    }

    /// <summary>
    /// References and files of a project that depend on a condition: a project is the same wherever it is built, and so is its lock file.
    /// </summary>
    public static IEnumerable<string> CheckConditions(RepositoryFile project) =>
        from element in XDocument.Parse(project.Text).Descendants()
        where InTheBuild.Contains(element.Name.LocalName) && element.AncestorsAndSelf().Any(part => part.Attribute("Condition") is not null)
        select $"{project.Path}: {element.Name.LocalName} {(element.Attribute("Include") ?? element.Attribute("Remove"))?.Value} depends on a condition";

    private static string? CheckLibrary(string folder, string library) =>
        folder == "machines" && !library.EndsWith("Analyzers", StringComparison.Ordinal)
            ? $"machines references nothing but analyzers, not {library}"
            : CheckFamily(folder, library);

    private static string? CheckFamily(string folder, string name)
    {
        if (IsOrleans(name) && !OrleansFolders.Contains(folder))
            return $"{folder} may not use Orleans ({name})";

        if (IsWithin(name, "System.CommandLine") && !CommandLineFolders.Contains(folder))
            return $"{folder} may not read command lines ({name})";

        return IsIlgpu(name) && !IlgpuFolders.Contains(folder) ? $"{folder} may not use ILGPU ({name})" : null;
    }

    private static bool IsOrleans(string name) => IsWithin(name, "Orleans") || IsWithin(name, "Microsoft.Orleans");

    private static bool IsIlgpu(string name) => IsWithin(name, "ILGPU");

    private static bool IsWithin(string name, string parent) =>
        name == parent || name.StartsWith(parent + ".", StringComparison.Ordinal);

    private static IEnumerable<string> Includes(XDocument project, string element) =>
        project.Descendants().Where(item => item.Name.LocalName == element).Select(
            item => item.Attribute("Include")?.Value).OfType<string>();

    private static string Resolve(string projectPath, string include)
    {
        var parts = new List<string>(projectPath.Split('/')[..^1]);
        foreach (var part in include.Replace('\\', '/').Split('/').Where(part => part != "."))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else
                parts.Add(part);
        }

        return string.Join('/', parts);
    }

    [GeneratedRegex(
        @"^\s*(global\s+)?using\s+(static\s+)?(\w+\s*=\s*)?(global::)?(?<name>[\w.]+)[^;(]*;",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex UsingDirective();
}
