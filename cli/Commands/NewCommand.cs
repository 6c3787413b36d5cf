using System.CommandLine;
using System.Reflection;
using System.Text;
using Coordinator.Cli.Paths;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>new program</c>: a folder with a program of one's own that trains as it is, to begin from. What it writes are the samples of this
/// version, and the packages that they need lie beside the command.
/// </summary>
public sealed class NewCommand
{
    private const string CSharp = "csharp";
    private const string Python = "python";

    private readonly PathArgument folder = new(PathUse.Folder, "folder")
    {
        Description = "The folder to make.",
        DefaultValueFactory = _ => "program",
    };
    private readonly Option<string> language = new("--lang") { Description = $"{CSharp} or {Python}.", Required = true };

    /// <summary>The command.</summary>
    public static Command Create() => new("new", "Make a folder to begin from.") { new NewCommand().Build() };

    private Command Build()
    {
        var command = new Command("program", "Make a folder with a training program of your own that runs as it is.") { folder, language };
        language.AcceptOnlyFromAmong(CSharp, Python);
        command.SetAction(parsed => Run(folder.Full(parsed), parsed.GetValue(folder)!, parsed.GetValue(language)!));
        return command;
    }

    private static int Run(string path, string shown, string language)
    {
        var files = language == CSharp ? OfCSharp() : new() { ["train.py"] = Sample("cnn.py") };
        try
        {
            if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
            {
                throw new CommandException(ExitCodes.Usage, $"{path} is there already, and not an empty folder.",
                    "Name another folder; nothing was changed in this one.");
            }

            Directory.CreateDirectory(path);
            foreach (var (name, content) in files)
                File.WriteAllText(Path.Combine(path, name), content);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, $"{path} cannot be made: {refused.Message}", "Name a folder that can be written.",
                refused);
        }

        string Within(string name) => ShellWord.Of(Path.Combine(shown, name));
        Console.WriteLine($"made {PlainText.Line(path)} with {string.Join(", ", files.Keys)}. To train it:");
        string[] lines = language == CSharp
            ?
            [
                $"dotnet build {ShellWord.Of(shown)} -o {Within("out")}",
                $"coordinator train --program {Within("out/Mlp.dll")} --data {Within("table.csv")} --steps 500",
            ]
            : [$"coordinator train --program {Within("train.py")} --steps 200   # --python names the interpreter that has PyTorch"];
        foreach (var line in lines)
            Console.WriteLine($"  {line}");
        return ExitCodes.Success;
    }

    /// <exception cref="CommandException">The packages are not beside the command.</exception>
    private static SortedDictionary<string, string> OfCSharp()
    {
        var packages = Path.Combine(AppContext.BaseDirectory, "sdk", "dotnet");
        var version = typeof(NewCommand).Assembly.GetName().Version!.ToString(3);
        if (!File.Exists(Path.Combine(packages, $"Coordinator.Programs.{version}.nupkg")))
        {
            throw new CommandException(
                ExitCodes.NotFound, $"The package Coordinator.Programs {version} is not in {packages}, where this command was installed "
                    + "with it.", "Install the coordinator again, or build it: dotnet build.");
        }

        return new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["Mlp.cs"] = Sample("Mlp.cs"),
            ["Mlp.csproj"] = Sample("Mlp.csproj").Replace("$(CoordinatorVersion)", version, StringComparison.Ordinal),
            ["nuget.config"] = $"""
                <configuration>
                  <!-- The packages of the coordinator that made this folder. -->
                  <packageSources>
                    <add key="coordinator" value="{System.Security.SecurityElement.Escape(packages)}" />
                  </packageSources>
                </configuration>

                """,
            ["table.csv"] = Sample("table.csv"),
        };
    }

    private static string Sample(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"sample/{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
