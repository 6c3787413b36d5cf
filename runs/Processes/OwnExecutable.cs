using System.Diagnostics;

namespace Coordinator.Runs.Processes;

/// <summary>
/// Finds how to start the <c>coordinator</c> program: the apphost beside its assembly where there is one, else the assembly by
/// <c>dotnet</c>.
/// Not <see cref="Environment.ProcessPath"/> alone, which is <c>dotnet</c> itself under <c>dotnet coordinator.dll</c>, and the
/// test host in tests.
/// </summary>
public static class OwnExecutable
{
    private const string Program = "coordinator.dll";

    /// <summary>The command that runs the program with <paramref name="arguments"/>.</summary>
    public static ProcessStartInfo Command(IEnumerable<string> arguments)
    {
        var assembly = Path.Combine(Path.GetDirectoryName(typeof(OwnExecutable).Assembly.Location)!, Program);
        var host = Path.ChangeExtension(assembly, OperatingSystem.IsWindows() ? ".exe" : null);
        var command = new ProcessStartInfo();
        if (File.Exists(host))
        {
            command.FileName = host;
        }
        else
        {
            command.FileName = DotnetHost();
            command.ArgumentList.Add(assembly);
        }

        foreach (var argument in arguments)
            command.ArgumentList.Add(argument);
        return command;
    }

    /// <summary>The <c>dotnet</c> that runs assemblies.</summary>
    public static string DotnetHost()
    {
        var self = Environment.ProcessPath;
        if (self is not null && Path.GetFileNameWithoutExtension(self) == "dotnet")
            return self;
        return Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
    }
}
