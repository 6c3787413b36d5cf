using System.Collections.Concurrent;
using System.CommandLine;
using System.Globalization;
using Coordinator.Mutants;

var seed = new Option<int>("--seed") { Description = "Draws the sample.", DefaultValueFactory = _ => 1 };
var count = new Option<int>("--count") { Description = "Mutants to try.", DefaultValueFactory = _ => 100 };
var seeds = new Option<int>("--seeds") { Description = "Seeds of the simulation for each mutant.", DefaultValueFactory = _ => 1000 };
var first = new Option<int>("--first")
{
    Description = "Seeds before the tests; the rest come after them.", DefaultValueFactory = _ => 100,
};
var tests = new Option<string>("--tests")
{
    Description = "Filter of the tests, as dotnet test has it; empty: none.",
    DefaultValueFactory = _ => "FullyQualifiedName~Tests.Machines|FullyQualifiedName~Tests.Conformance|FullyQualifiedName~Tests.Contracts",
};
var folders = new Option<string[]>("--folder")
{
    Description = "Where to look for mutants.",
    DefaultValueFactory = _ => ["machines/Collective", "machines/Jobs", "machines/Nodes", "machines/Gpus"],
    AllowMultipleArgumentsPerToken = true,
};
var tree = new Option<string>("--tree") { Description = "Root of the tree to mutate.", DefaultValueFactory = _ => "." };
var copy = new Option<string>("--work")
{
    Description = "Folder for the copy that is built, outside of any repository. Default: one in the system's folder for temporary files.",
    DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "coordinator-mutants"),
};
var outcomes = new Option<string?>("--out")
{
    Description = "File for the outcomes; mutants that it has are not tried again. Default: outcomes.tsv in the work folder.",
};
var again = new Option<string?>("--again") { Description =
    "Instead of a sample: the mutants of an earlier table of outcomes that nothing caught, found again by file, operator and code." };
var jobs = new Option<int>("--jobs") { Description = "Mutants that are tried side by side.", DefaultValueFactory = _ => 1 };
var noBuild = new Option<bool>("--no-build")
{
    Description = "The copy was built with this sample before: to go on after an interruption.",
};
var only = new Option<int[]>("--only") { Description = "Only these mutants of the sample.", AllowMultipleArgumentsPerToken = true };
var command = new RootCommand("Changes lines of machines/ mechanically, one at a time, and says which invariant or test notices.")
{
    seed, count, seeds, first, tests, folders, tree, copy, outcomes, again, only, jobs, noBuild,
};
command.SetAction(parsed =>
{
    var (root, work) = (Path.GetFullPath(parsed.GetValue(tree)!), Path.GetFullPath(parsed.GetValue(copy)!));
    if (!File.Exists(Path.Combine(root, "Coordinator.sln")))
    {
        Console.Error.WriteLine($"{root} is not the root of this repository: it has no Coordinator.sln; name it with --tree");
        return 2;
    }

    var source = new MutantSource(root, parsed.GetValue(folders)!);
    var wanted = parsed.GetValue(again) is { } earlier ? ResultFile.Survivors(earlier, source.All, Console.Error.WriteLine) : null;
    var sample = source.Draw(parsed.GetValue(seed), wanted?.Count ?? parsed.GetValue(count), wanted, Console.Error.WriteLine);
    Console.WriteLine($"{sample.Count} of {source.All.Count} mutants");
    if (!parsed.GetValue(noBuild))
    {
        Directory.CreateDirectory(work);
        WorkingCopy.Make(root, work);
        source.Write(work, sample);
        WorkingCopy.Build(work, Trial.ProjectFor(parsed.GetValue(tests)!));
    }

    var file = new ResultFile(parsed.GetValue(outcomes) ?? Path.Combine(work, "outcomes.tsv"));
    var known = file.Read();
    using var trials = new ThreadLocal<Trial>(
        () => new Trial(work, parsed.GetValue(seeds), parsed.GetValue(first), parsed.GetValue(tests)!), trackAllValues: true);
    if (trials.Value!.Run(mutant: 0) is { By: { } unchanged } nothing)
    {
        Console.Error.WriteLine($"without a mutant {unchanged} fails already ({nothing.Where}): that comes first");
        return 1;
    }

    var chosen = parsed.GetValue(only) is { Length: > 0 } numbers ? sample.Where(mutant => numbers.Contains(mutant.Number))
        .ToArray() : sample;
    var left = Partitioner.Create(
        chosen.Where(mutant => !known.ContainsKey(mutant.Number)).ToArray(), EnumerablePartitionerOptions.NoBuffering);
    Parallel.ForEach(left, new ParallelOptions { MaxDegreeOfParallelism = parsed.GetValue(jobs) }, mutant =>
    {
        var outcome = trials.Value!.Run(mutant.Number);
        lock (known)
        {
            file.Add(mutant, outcome);
            known[mutant.Number] = outcome.By ?? "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{mutant.Number,5} {mutant.Path}:{mutant.Line} "
                + $"{mutant.Operator}: {(outcome.By is null ? "NOT CAUGHT" : $"{outcome.By} ({outcome.Where})")} | {mutant.Before}"));
        }
    });
    foreach (var trial in trials.Values)
        trial.Dispose();

    var caught = chosen.Count(mutant => known[mutant.Number].Length > 0);
    Console.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{caught} of {chosen.Count} caught, {100.0 * caught / chosen.Count:0.0} %"));
    return 0;
});
var binaries = new Argument<string>("binaries") { Description = "Folder with the copy's simulator." };
var serve = new Command("seeds", "Runs seeds with mutants as standard input orders; the command starts it for itself.") { binaries };
serve.SetAction(parsed => SeedRunner.Serve(parsed.GetValue(binaries)!, Console.In, Console.Out));
command.Subcommands.Add(serve);
return command.Parse(args).Invoke();
