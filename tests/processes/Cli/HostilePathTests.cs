using System.CommandLine;
using Coordinator.Cli.Commands;
using Coordinator.Cli.Paths;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// Every path that the command line takes, against what may lie there. The options come from the command line itself, so a new one is held
/// to this at once: a line that says what is wrong, an exit code that scripts can act on, no stack trace, and nothing left behind.
/// </summary>
[Collection("the console of this process")]
public sealed class HostilePathTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    // What makes a command read the option at all: some are only looked at together with others.
    private static readonly Dictionary<string, string[]> Together = new()
    {
        ["--device-library"] = ["--device", "test:0"],
        ["train --token-file"] = ["--silo", "http://127.0.0.1:1", "--model.program=linear"],
        ["swarm --token-file"] = ["--silo", "http://127.0.0.1:1"],
        ["devices --device-library"] = [],
        ["health --token-file"] = ["--node", "any"],
        ["run --token-file"] = ["--silo", "http://127.0.0.1:1", "true"],
        ["run --workdir"] = ["true"],
        ["run --bundle"] = ["true"],
        ["run --run-dir"] = ["true"],
        ["new program folder"] = ["--lang", "csharp"],
    };

    private readonly string directory = Directory.CreateTempSubdirectory("hostile-").FullName;

    public HostilePathTests()
    {
        File.WriteAllText(Of("a-file"), "this is no file of any kind that is asked for\n");
        File.WriteAllText(Of("empty"), "");
        File.WriteAllText(Of("token"), new string('a', 64));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Of("token"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.CreateDirectory(Of("folder"));
        File.CreateSymbolicLink(Of("round"), Of("again"));
        File.CreateSymbolicLink(Of("again"), Of("round"));
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    public static TheoryData<string, string, string> Cases()
    {
        var cases = new TheoryData<string, string, string>();
        foreach (var (command, symbol, use) in Paths())
        {
            // An empty job or scenario is one of defaults.
            foreach (var hostile in Hostile(use).Where(hostile => (symbol, hostile) != ("--file", "empty")))
                cases.Add(command, symbol, hostile);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_hostile_path_is_a_line_and_an_exit_code(string command, string symbol, string hostile)
    {
        var before = Listing();
        var (code, said) = await RunAsync([.. command.Split(' '), .. Arguments(command, symbol, hostile)]);

        Assert.True(code is ExitCodes.Usage or ExitCodes.NotFound, $"{command} {symbol} ended with {code} and said:\n{said}");
        Assert.StartsWith("error: ", said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
        Assert.DoesNotContain("This is a fault of coordinator", said, StringComparison.Ordinal);
        Assert.Equal(before, Listing());
    }

    [Fact]
    public void Every_option_that_speaks_of_a_file_or_folder_is_known_to_be_a_path()
    {
        var missed = Symbols().Where(found => found.Symbol is not (PathOption or PathArgument) && LooksLikeAPath(found.Symbol)).Select(
            found => $"{found.Command} {found.Symbol.Name}");

        Assert.Empty(missed);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("folder")]
    [InlineData("another program's")]
    public async Task A_database_that_is_none_of_ours_is_refused_and_left_as_it_is(string what)
    {
        var path = Path.Combine(Of("folder"), "coordinator.db");
        if (what == "folder")
            Directory.CreateDirectory(path);
        else if (what == "garbage")
            await File.WriteAllTextAsync(path, "this is no database");
        else
            MakeDatabase(path, "CREATE TABLE notes (text TEXT)");
        var before = what == "folder" ? [] : await File.ReadAllBytesAsync(path);
        var (code, said) = await RunAsync(["silo", "--data-dir", Of("folder"), "--url", "http://127.0.0.1:0"]);

        Assert.Equal(ExitCodes.Usage, code);
        Assert.StartsWith($"error: the database '{path}' cannot be used: ", said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
        Assert.Equal(before, what == "folder" ? [] : await File.ReadAllBytesAsync(path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("short")]
    public async Task A_runs_token_file_that_holds_none_is_refused_by_resume(string content)
    {
        await File.WriteAllTextAsync(
            Path.Combine(Of("folder"), "run.json"),
            """{"job":"train-1","gpusPerWorker":1,"workerArguments":[["--gpus","1"]],"output":"/nowhere"}""");
        await File.WriteAllTextAsync(Path.Combine(Of("folder"), "token"), content);
        var (code, said) = await RunAsync(["resume", Of("folder"), "--out", Of("model")]);

        Assert.Equal(ExitCodes.Usage, code);
        Assert.StartsWith(
            $"error: The run's token file {Path.Combine(Of("folder"), "token")} cannot be used: ", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "output")]
    [InlineData("garbage", "'g' is an invalid start")]
    [InlineData(
        """{"job":"train-1","gpusPerWorker":1,"workerArguments":[["--gpus","1"]],"output":"/x","jobFile":"training: 5"}""", "run.json:1")]
    public async Task A_runs_record_that_is_damaged_is_refused_by_resume(string content, string where)
    {
        await File.WriteAllTextAsync(Path.Combine(Of("folder"), "run.json"), content);
        var (code, said) = await RunAsync(["resume", Of("folder")]);

        Assert.Equal(ExitCodes.Usage, code);
        Assert.StartsWith($"error: {Path.Combine(Of("folder"), "run.json")} cannot be read: ", said, StringComparison.Ordinal);
        Assert.True(where == "output" || said.Contains(where, StringComparison.Ordinal), said);
    }

    [Fact]
    public async Task A_certificate_that_is_none_is_named_with_where_to_set_it()
    {
        const string Variable = "Kestrel__Certificates__Default__Path";
        Environment.SetEnvironmentVariable(Variable, Of("a-file"));
        try
        {
            var (code, said) = await RunAsync(["silo", "--data-dir", Of("folder"), "--url", "https://127.0.0.1:0"]);

            Assert.Equal(ExitCodes.Usage, code);
            Assert.StartsWith("error: no certificate can be used for https://127.0.0.1:0: ", said, StringComparison.Ordinal);
            Assert.Contains(Variable, said, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }

    [Fact]
    public async Task With_debug_the_place_of_a_failure_is_shown()
    {
        var (code, said) = await RunAsync(["generate", "--model", Of("folder"), "--debug"]);

        Assert.Equal(ExitCodes.Usage, code);
        Assert.Contains("   at ", said, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Hostile(PathUse use) => use switch
    {
        PathUse.Read => ["", "missing", "folder", "round", "a-file/below", Long(), "a-file", "empty"],
        PathUse.ReadAny => ["", "missing", "round", "a-file/below", Long(), "empty"],
        PathUse.ReadFolder => ["", "missing", "a-file", "round", "a-file/below", Long()],
        PathUse.Write => ["", "folder", "folder/", "round", "a-file/below", Long(), "/proc/x"],
        PathUse.ReadOrMake => ["", "folder", "round", "a-file/below", Long(), "a-file", "empty", "/proc/x"],
        _ => ["", "a-file", "round", "a-file/below", Long(), "/proc/x"],
    };

    private static string Long() => new('x', 300);

    private static bool LooksLikeAPath(Symbol symbol) =>
        symbol is Option<FileInfo> or Option<DirectoryInfo> or Argument<FileInfo>
        || symbol.Name.EndsWith("-dir", StringComparison.Ordinal) || symbol.Name.EndsWith("-file", StringComparison.Ordinal)
        || symbol.Name is "--out" or "--file" or "--data" or "directory"
        || (symbol is Option<string?> or Option<string> or Argument<string>
            && symbol.Description is { } about
            && Words(about).Any(word => word is "file" or "folder" or "directory"));

    private static string[] Words(string text) =>
        text.ToLowerInvariant().Split([' ', '.', ',', ';', ':', '('], StringSplitOptions.RemoveEmptyEntries);

    private static IEnumerable<(string Command, string Symbol, PathUse Use)> Paths() => Symbols().SelectMany(found => found.Symbol switch
    {
        PathOption option => new[] { (found.Command, option.Name, option.Use) },
        PathArgument argument => [(found.Command, argument.Name, argument.Use)],
        _ => [],
    });

    private static IEnumerable<(string Command, Symbol Symbol)> Symbols() => Below(CommandLine.Create(), "");

    private static IEnumerable<(string Command, Symbol Symbol)> Below(Command command, string path) =>
        command.Options.Cast<Symbol>().Concat(command.Arguments).Select(symbol => (path, symbol))
            .Concat(command.Subcommands.SelectMany(below => Below(below, $"{path} {below.Name}".Trim())));

    private IEnumerable<string> Arguments(string command, string symbol, string hostile)
    {
        var path = hostile.Length == 0 || hostile.StartsWith('/') ? hostile : Of(hostile);
        List<string> words = [];
        foreach (var (_, other) in Symbols().Where(found => found.Command == command))
        {
            if (other.Name == symbol)
                words.AddRange(other is Argument ? [path] : [symbol, path]);
            else if (other is PathOption { Name: "--token-file", Use: PathUse.Read } && command is not ("train" or "swarm" or "run"))
                words.AddRange([other.Name, Of("token")]);
            else if (other.Name == "--silo" && command is not ("train" or "swarm" or "run"))
                words.AddRange([other.Name, "http://127.0.0.1:1"]);
            else if (other is Option { Required: true })
                words.AddRange([other.Name, Of("folder")]);
        }

        return words.Concat(Together.GetValueOrDefault($"{command} {symbol}") ?? Together.GetValueOrDefault(symbol) ?? []);
    }

    private static void MakeDatabase(string path, string statement)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The statement is this test's own.
        command.CommandText = statement;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private string Of(string name) => Path.Combine(directory, name);

    private string[] Listing() =>
        [.. Directory.EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static async Task<(int Code, string Said)> RunAsync(string[] arguments)
    {
        var (output, errors) = (Console.Out, Console.Error);
        using var said = new StringWriter();
        try
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Synchronized(said));
            return (await CommandLine.RunAsync(arguments).WaitAsync(Limit), said.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }
}
