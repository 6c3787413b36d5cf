using System.Diagnostics;
using System.Reflection;
using System.Security;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>The programs in .NET that the tests train: built once, from the packages beside the command and from nothing else of
/// ours.</summary>
public sealed class DotnetPrograms : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-").FullName;

    public DotnetPrograms()
    {
        var packages = Path.Combine(AppContext.BaseDirectory, "sdk", "dotnet");
        var nobodys = Path.Combine(directory, "made");
        Directory.CreateDirectory(nobodys);
        WriteConfig(nobodys, null);
        using (var made = new Executable("new", "program", Path.Combine(nobodys, "mlp"), "--lang", "csharp"))
            Assert.True(made.EndAsync(Limit).GetAwaiter().GetResult() == ExitCodes.Success, made.Output);
        Build(Path.Combine(nobodys, "mlp"), Path.Combine(nobodys, "out"));

        var samples = Path.Combine(directory, "samples");
        var kernel = Directory.CreateDirectory(Path.Combine(samples, "dotnet-mlp-ilgpu")).FullName;
        WriteConfig(samples, packages);
        var source = Path.Combine(PythonPrograms.Repository, "samples");
        File.Copy(Path.Combine(source, "Directory.Build.props"), Path.Combine(samples, "Directory.Build.props"));
        foreach (var name in new[] { "MlpIlgpu.cs", "MlpIlgpu.csproj" })
            File.Copy(Path.Combine(source, "dotnet-mlp-ilgpu", name), Path.Combine(kernel, name));
        Build(kernel, Path.Combine(samples, "out"));
    }

    /// <summary>The network that <c>new program</c> has made, which is samples/dotnet-mlp.</summary>
    public string Mlp => Path.Combine(directory, "made", "out", "Mlp.dll");

    /// <summary>The same with a kernel.</summary>
    public string MlpIlgpu => Path.Combine(directory, "samples", "out", "MlpIlgpu.dll");

    /// <summary>Their table.</summary>
    public string Table => Path.Combine(directory, "made", "mlp", "table.csv");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    /// <summary>Packages of others come from where this build has them already; nobody's own settings reach these builds.</summary>
    private void WriteConfig(string folder, string? source)
    {
        var global = typeof(DotnetPrograms).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(one =>
            one.Key == "Packages").Value;
        string Entry(string? path) => path is null ? "" : $"""<add key="one" value="{SecurityElement.Escape(path)}" />""";
        File.WriteAllText(
            Path.Combine(folder, "nuget.config"),
            $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(directory, "packages")}" /></config>
              <fallbackPackageFolders><clear />{Entry(source is null ? null : global)}</fallbackPackageFolders>
              <packageSources><clear />{Entry(source)}</packageSources>
            </configuration>
            """);
    }

    private static void Build(string project, string output)
    {
        var command = new ProcessStartInfo(
            OwnExecutable.DotnetHost(), ["build", project, "-o", output, "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // What the build that runs these tests says of itself is not for this one.
        foreach (var name in command.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
            || name == "NUGET_PACKAGES").ToArray())
        {
            command.Environment.Remove(name);
        }

        using var build = Process.Start(command)!;
        var (said, complaints) = (build.StandardOutput.ReadToEndAsync(), build.StandardError.ReadToEndAsync());
        Assert.True(build.WaitForExit(Limit), $"dotnet build {project} did not end within {Limit}");
        Assert.True(build.ExitCode == 0, $"{said.Result}\n{complaints.Result}");
    }
}
