using System.Diagnostics;
using Coordinator.Cli.Commands;
using Coordinator.Cli.Output;

namespace Coordinator.Cli.Local;

/// <summary>The Orleans silo's program. This one knows nothing of Orleans, so it starts that one as a process.</summary>
/// <param name="Assembly">Full path of its assembly.</param>
public sealed record SiloProgram(string Assembly)
{
    private const string FileName = "Coordinator.Silo.dll";

    /// <summary>Finds it: where it is said to be, beside this program, or in the build output of the source tree.</summary>
    /// <exception cref="CommandException">It is nowhere.</exception>
    public static SiloProgram Find(string? given)
    {
        if (given is not null)
        {
            var path = Path.GetFullPath(Directory.Exists(given) ? Path.Combine(given, FileName) : given);
            return IsBuilt(path) ? new SiloProgram(path) : throw new CommandException(
                ExitCodes.Usage, $"There is no silo program at {path}, with its {System.IO.Path.GetFileNameWithoutExtension(path)}.runtimeconfig.json beside it.", $"Name the {FileName} of a build with --silo-program.");
        }

        return BuildOutput.Candidates("silo", FileName).FirstOrDefault(IsBuilt) is { } found
            ? new SiloProgram(found)
            : throw new CommandException(
                ExitCodes.Usage,
                $"The Orleans silo's program ({FileName}) is neither beside this one nor in a build of the source tree.",
                "Build the solution where the Orleans packages restore (dotnet build -c Release), or name the program with --silo-program.");
    }

    /// <summary>The command that runs it.</summary>
    public ProcessStartInfo Command(IEnumerable<string> arguments)
    {
        var command = new ProcessStartInfo { FileName = OwnExecutable.DotnetHost() };
        command.ArgumentList.Add(Assembly);
        foreach (var argument in arguments)
            command.ArgumentList.Add(argument);
        return command;
    }

    /// <summary>Without the Orleans packages the project builds to an empty library, which no runtime configuration makes a program.</summary>
    private static bool IsBuilt(string assembly) => File.Exists(assembly) && File.Exists(Path.ChangeExtension(assembly, ".runtimeconfig.json"));
}
