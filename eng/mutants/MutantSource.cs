using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Coordinator.Mutants;

/// <summary>The code of <c>machines</c>, the mutants in it, and the sample of them that compiles.</summary>
internal sealed class MutantSource
{
    private const string Machines = "machines";

    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Latest);

    /// <summary>What the project file has the compiler add.</summary>
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; global using "
        + "System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private readonly SortedDictionary<string, SyntaxTree> trees = new(StringComparer.Ordinal);

    /// <summary>Reads the sources of a copy.</summary>
    /// <param name="root">Root of the tree.</param>
    /// <param name="folders">Where mutants are looked for, from the root.</param>
    public MutantSource(string root, IReadOnlyList<string> folders)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, Machines), "*.cs", SearchOption.AllDirectories).Order(
            StringComparer.Ordinal))
        {
            var path = Path.GetRelativePath(root, file).Replace('\\', '/');
            if (!path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal)
                && path != SwitchPath)
            {
                trees.Add(path, CSharpSyntaxTree.ParseText(File.ReadAllText(file), Parsing, path));
            }
        }

        foreach (var (path, tree) in trees.Where(
            pair => folders.Any(folder => pair.Key.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal))))
        {
            foreach (var (kind, node) in MutantFinder.Find(tree.GetRoot()))
            {
                All.Add(
                    new Mutant(All.Count + 1, path, tree.GetLineSpan(node.Span).StartLinePosition.Line + 1, kind, OnOneLine(node), node));
            }
        }
    }

    /// <summary>Where the switch goes.</summary>
    public const string SwitchPath = Machines + "/Mutants.cs";

    /// <summary>All mutants, in the order of files and text.</summary>
    public List<Mutant> All { get; } = [];

    /// <summary>
    /// So many mutants, drawn by a seed, or these. What the compiler refuses, and whatever stands in the same member where the error is not
    /// in a changed place, is replaced by others. The draw does not depend on how many are wanted: a larger sample contains a smaller one.
    /// </summary>
    public IReadOnlyList<Mutant> Draw(int seed, int count, IReadOnlyList<Mutant>? wanted, Action<string> tell)
    {
        var drawn = wanted ?? Shuffle(seed);
        var refused = new HashSet<int>();
        var before = Errors(CSharpCompilationOf([])).Select(error => error.Id + Path.GetFileName(error.Location.SourceTree?.FilePath))
            .ToHashSet(StringComparer.Ordinal);
        while (true)
        {
            var sample = drawn.Where(mutant => !refused.Contains(mutant.Number)).Take(count).ToArray();
            var wrong = Errors(CSharpCompilationOf(sample))
                .Where(error => !before.Contains(error.Id + Path.GetFileName(error.Location.SourceTree?.FilePath))).ToArray();
            if (wrong.Length == 0)
                return sample;
            var more = wrong.SelectMany(MutantsBehind).ToHashSet();
            if (more.Count == 0)
                throw new InvalidOperationException($"the changed code does not compile, and no mutant is the reason: {wrong[0]}");
            tell($"{more.Count} mutants do not compile: {string.Join(", ", more.Order())}");
            refused.UnionWith(more);
        }
    }

    /// <summary>Writes the files with these mutants in them.</summary>
    public void Write(string root, IReadOnlyList<Mutant> mutants)
    {
        foreach (var (path, tree) in Rewritten(mutants))
            WriteIfNew(Path.Combine(root, path), tree.GetRoot().ToFullString());
        WriteIfNew(Path.Combine(root, SwitchPath), MutantRewriter.Switch + "\n");
    }

    private static void WriteIfNew(string path, string text)
    {
        if (File.Exists(path) && File.ReadAllText(path) == text)
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private List<Mutant> Shuffle(int seed)
    {
        var drawn = All.ToList();
        var state = ((ulong)(uint)seed * 0x9E3779B97F4A7C15) + 1;
        for (var left = drawn.Count; left > 1; left--)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            var at = (int)(state % (ulong)left);
            (drawn[at], drawn[left - 1]) = (drawn[left - 1], drawn[at]);
        }

        return drawn;
    }

    private SortedDictionary<string, SyntaxTree> Rewritten(IReadOnlyList<Mutant> mutants)
    {
        var changed = new SortedDictionary<string, SyntaxTree>(StringComparer.Ordinal);
        var byPath = mutants.ToLookup(mutant => mutant.Path);
        foreach (var (path, tree) in trees)
            changed.Add(path, tree.WithRootAndOptions(new MutantRewriter(byPath[path]).Visit(tree.GetRoot())!, Parsing));
        return changed;
    }

    private CSharpCompilation CSharpCompilationOf(IReadOnlyList<Mutant> mutants) => CSharpCompilation.Create(
        "machines",
        [.. Rewritten(mutants).Values, CSharpSyntaxTree.ParseText(
            MutantRewriter.Switch, Parsing, SwitchPath), CSharpSyntaxTree.ParseText(Usings, Parsing, "usings")],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

    private static IEnumerable<Diagnostic> Errors(CSharpCompilation compilation) =>
        compilation.GetDiagnostics().Where(found => found.Severity == DiagnosticSeverity.Error);

    private static IEnumerable<int> MutantsBehind(Diagnostic error)
    {
        var at = error.Location.SourceTree!.GetRoot().FindNode(error.Location.SourceSpan, getInnermostNodeForTie: true);
        var around = at.AncestorsAndSelf().SelectMany(Marks).Take(1).ToArray();
        if (around.Length > 0)
            return around;
        var member = at.AncestorsAndSelf().OfType<Microsoft.CodeAnalysis.CSharp.Syntax.MemberDeclarationSyntax>().FirstOrDefault();
        return member?.DescendantNodes().SelectMany(Marks) ?? [];
    }

    private static IEnumerable<int> Marks(SyntaxNode node) =>
        node.GetAnnotations(MutantRewriter.Mark).Select(mark => int.Parse(mark.Data!, System.Globalization.CultureInfo.InvariantCulture));

    private static string OnOneLine(SyntaxNode node) =>
        string.Join(' ', node.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
