using Coordinator.Cli.Commands;
using Coordinator.Cli.Output;
using Coordinator.Worker.Devices;

namespace Coordinator.Cli.Local;

/// <summary>The library of ILGPU devices. This program does not know ILGPU, so it loads the library at run time where there is one.</summary>
public static class IlgpuLibrary
{
    /// <summary>Environment variable behind <c>--ilgpu</c>.</summary>
    public const string Variable = "COORDINATOR_ILGPU";

    private const string FileName = "Coordinator.Worker.Ilgpu.dll";

    /// <summary>Loads it: from where it is said to be, from beside this program, or from the build output of the source tree.</summary>
    /// <param name="given">The library or its folder; null: <see cref="Variable"/>, and without that the usual places.</param>
    /// <exception cref="CommandException">It is nowhere, or cannot be used.</exception>
    public static IDeviceBackend Load(string? given)
    {
        try
        {
            return DeviceBackends.Load(Find(given ?? (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable ? variable : null)));
        }
        catch (DeviceBackendException unusable)
        {
            throw new CommandException(ExitCodes.Usage, unusable.Message, unusable.Remedy);
        }
    }

    private static string Find(string? given)
    {
        if (given is not null)
        {
            var path = Path.GetFullPath(Directory.Exists(given) ? Path.Combine(given, FileName) : given);
            return File.Exists(path) ? path : throw new CommandException(ExitCodes.Usage, $"There is no library of ILGPU devices at {path}.", $"Name the {FileName} of a build with --ilgpu or {Variable}.");
        }

        return BuildOutput.Candidates("worker.ilgpu", FileName).FirstOrDefault(File.Exists) ?? throw new CommandException(
            ExitCodes.Usage,
            $"This build has no ILGPU devices: their library ({FileName}) is neither beside this program nor in a build of the source tree.",
            $"Build the solution where the ILGPU package restores (dotnet build -c Release), or name the library with --ilgpu or {Variable}. The device 'cpu' needs none.");
    }
}
