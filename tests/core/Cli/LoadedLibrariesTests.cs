using Coordinator.Cli.Output;

namespace Coordinator.Tests.Cli;

/// <summary>
/// What a process does not use it does not load: the program references ILGPU, and only those processes pay for it that compute by it. The
/// real processes say what they have loaded (<see cref="StartupHook"/>).
/// </summary>
[Collection("real processes")]
public sealed class LoadedLibrariesTests : IDisposable
{
    private const string Backend = "Coordinator.Worker.Ilgpu";
    private const string Library = "ILGPU";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string directory = Directory.CreateTempSubdirectory("loaded-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData(ExitCodes.Success, "--version")]
    [InlineData(ExitCodes.NotFound, "status", "--silo", "http://127.0.0.1:1", "--token-file", "TOKEN")]
    public async Task A_command_that_computes_nothing_loads_no_ILGPU(int code, params string[] arguments)
    {
        var loaded = (await RunAsync(code, arguments)).Single().Libraries;

        Assert.Contains("coordinator", loaded);
        Assert.DoesNotContain(Backend, loaded);
        Assert.DoesNotContain(Library, loaded);
    }

    [Fact]
    public async Task A_run_on_the_cpu_loads_no_ILGPU_in_any_of_its_processes()
    {
        await File.WriteAllTextAsync(Path.Combine(directory, "text"), string.Concat(Enumerable.Repeat("It was a dark and stormy night. ", 50)));
        var processes = await RunAsync(
            ExitCodes.Success, "train", "--data", Path.Combine(directory, "text"), "--device", "cpu", "--workers", "1", "--steps", "2", "--out", Path.Combine(directory, "model"),
            "--model.layers=1", "--model.heads=2", "--model.channels=32", "--model.block=32", "--training.batch_size=4");

        Assert.Equal(["silo", "train", "worker"], processes.Select(process => process.Command));
        Assert.All(processes, process => Assert.DoesNotContain(Backend, process.Libraries));
        Assert.All(processes, process => Assert.DoesNotContain(Library, process.Libraries));
    }

    [Fact]
    public async Task The_list_of_devices_loads_ILGPU()
    {
        var loaded = (await RunAsync(ExitCodes.Success, "devices")).Single().Libraries;

        Assert.Contains(Backend, loaded);
        Assert.Contains(Library, loaded);
    }

    private async Task<(string Command, string[] Libraries)[]> RunAsync(int code, params string[] arguments)
    {
        var notes = Directory.CreateDirectory(Path.Combine(directory, "notes")).FullName;
        var token = Path.Combine(directory, "token");
        await File.WriteAllTextAsync(token, new string('a', 64));
        var environment = new Dictionary<string, string> { ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location, [StartupHook.Folder] = notes };
        using var run = new Executable(environment, [.. arguments.Select(argument => argument == "TOKEN" ? token : argument)]);
        Assert.True(await run.EndAsync(Limit) == code, run.Output);
        return [.. Directory.GetFiles(notes).Order(StringComparer.Ordinal).Select(note => (Path.GetFileName(note).Split('-')[0], File.ReadAllLines(note)))];
    }
}
