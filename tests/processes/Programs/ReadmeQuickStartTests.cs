using System.Diagnostics;
using Coordinator.Runs.Processes;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>The README's ten commands from nothing to a model of one's own, as they stand there.</summary>
public sealed class ReadmeQuickStartTests : IDisposable
{
    private const int Commands = 10;

    private readonly string directory = Directory.CreateTempSubdirectory("quick-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [PythonFact(torch: true)]
    public async Task The_ten_commands_end_with_two_equal_files()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(PythonPrograms.Repository, "README.md"));
        var section = readme[readme.IndexOf("## Your own model", StringComparison.Ordinal)..];
        var lines = section.Split("```")[1].Trim().Split('\n');
        Assert.Equal(Commands, lines.Length);

        // What installs and builds is done: the tests run on what they were built with, in a folder of their own.
        var script = string.Join('\n', lines.Skip(3)).Replace("/usr/bin/python3", PythonPrograms.Torch, StringComparison.Ordinal);
        Directory.CreateSymbolicLink(Path.Combine(directory, "samples"), Path.Combine(PythonPrograms.Repository, "samples"));
        var coordinator = Path.GetDirectoryName(OwnExecutable.Command([]).FileName)!;
        var start = new ProcessStartInfo("/bin/bash", ["-e", "-c", script])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = $"{coordinator}:{start.Environment["PATH"]}";
        using var shell = Process.Start(start)!;
        var said = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();

        Assert.True(shell.ExitCode == 0, said);
        string[] hashes = [.. said.TrimEnd().Split('\n').TakeLast(2).Select(line => line.Split(' ')[0])];
        Assert.Equal(64, hashes[0].Length);
        Assert.Equal(hashes[0], hashes[1]);
    }
}
