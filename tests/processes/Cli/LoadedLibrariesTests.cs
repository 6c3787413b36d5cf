using System.Text;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// What a process does not use it does not load: the program references Orleans and ILGPU, and only those processes pay for them that host
/// grains or compute on ILGPU's devices. The runtime itself writes down what real processes load, in a trace of each.
/// </summary>
public sealed class LoadedLibrariesTests : IDisposable
{
    private const string Own = "coordinator";
    private const string Orleans = "Orleans.Core.Abstractions";
    private const string Ilgpu = "ILGPU";
    private const string IlgpuBackend = "Coordinator.Worker.Ilgpu";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string directory = Directory.CreateTempSubdirectory("loaded-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData(ExitCodes.Success, "--version")]
    [InlineData(ExitCodes.NotFound, "status", "--silo", "http://127.0.0.1:1", "--token-file", "TOKEN")]
    public async Task A_client_loads_neither_Orleans_nor_ILGPU(int code, params string[] arguments) =>
        Assert.Equal([Own], Assert.Single(await RunAsync(code, arguments)));

    [Fact]
    public async Task Of_a_run_on_the_cpu_the_silo_loads_Orleans_and_no_process_loads_ILGPU()
    {
        await File.WriteAllTextAsync(
            Path.Combine(directory, "text"), string.Concat(Enumerable.Repeat("It was a dark and stormy night. ", 50)));
        var processes = await RunAsync(
            ExitCodes.Success, "train", "--data", Path.Combine(directory, "text"), "--device", "cpu", "--workers", "1", "--steps", "2",
            "--out", Path.Combine(directory, "model"),
            "--model.layers=1", "--model.heads=2", "--model.channels=32", "--model.block=32", "--training.batch_size=4");

        // The command, its worker, and its silo.
        Assert.Equal([[Own], [Own], [Own, Orleans]], processes);
    }

    [Fact]
    public async Task The_list_of_devices_loads_ILGPU() =>
        Assert.Equal([Own, Ilgpu, IlgpuBackend], Assert.Single(await RunAsync(ExitCodes.Success, "devices")));

    /// <summary>Which of the libraries above each process of a command loaded; the processes in ascending order of how many.</summary>
    private async Task<string[][]> RunAsync(int code, params string[] arguments)
    {
        var traces = Directory.CreateDirectory(Path.Combine(directory, "traces")).FullName;
        var token = Path.Combine(directory, "token");
        await File.WriteAllTextAsync(token, new string('a', 64));
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_EnableDiagnostics"] = "1",
            ["DOTNET_EnableEventPipe"] = "1",
            ["DOTNET_EventPipeOutputPath"] = Path.Combine(traces, "{pid}.nettrace"),
            // The loader's events, at the level of information, and none of what would be listed once more at the end.
            ["DOTNET_EventPipeConfig"] = "Microsoft-Windows-DotNETRuntime:0x8:4",
            ["DOTNET_EventPipeRundown"] = "0",
            ["DOTNET_EventPipeOutputStreaming"] = "1",
        };
        using var run = new Executable(environment, [.. arguments.Select(argument => argument == "TOKEN" ? token : argument)]);
        Assert.True(await run.EndAsync(Limit) == code, run.Output);
        return [.. Directory.GetFiles(traces).Select(File.ReadAllBytes)
            .Select(trace => Libraries.Where(name => Loads(trace, name)).ToArray()).OrderBy(loaded => loaded.Length)];
    }

    private static IEnumerable<string> Libraries => [Own, Orleans, Ilgpu, IlgpuBackend];

    /// <summary>A trace names an assembly in full when it is loaded, with its version behind its name.</summary>
    private static bool Loads(byte[] trace, string name) => trace.AsSpan().IndexOf(Encoding.Unicode.GetBytes($"{name}, Version=")) >= 0;
}
