using System.Diagnostics;
using System.Security.Cryptography;
using Coordinator.Runs.Processes;
using Coordinator.Tests.Ilgpu.Support;
using Coordinator.Worker.Ilgpu.Devices;

namespace Coordinator.Tests.Ilgpu.Processes;

/// <summary>The command with its silo and workers on ILGPU's simulated device (or the tests' GPU): real processes, real kills.</summary>
public sealed class RealProcessTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    private readonly string directory = Directory.CreateTempSubdirectory("ilgpu-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task One_two_and_four_workers_end_with_the_same_file()
    {
        List<string> hashes = [];
        foreach (var workers in new[] { 1, 2, 4 })
        {
            var file = Path.Combine(directory, $"{workers}.safetensors");
            var (code, output) = await RunAsync(
                "train", "--workers", $"{workers}", "--steps", "6", "--out", file, "--model.layers=1", "--model.heads=2",
                "--model.channels=32", "--model.block=32",
                "--training.batch_size=8", "--training.shards=8", "--training.micro_batch=1", "--model.dropout=0.1");
            Assert.True(code == 0, output);
            hashes.Add(Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file))));
        }

        Assert.Single(hashes.Distinct());
    }

    [Fact]
    public async Task Workers_and_the_silo_are_killed_and_the_file_is_that_of_the_undisturbed_run()
    {
        // On a GPU a step takes milliseconds and a worker seconds to come back.
        var steps = TestDevice.Name == "ilgpu:cpu" ? "40" : "5000";
        var (code, output) = await RunAsync(
            "demo", "--quick", "--steps", steps, "--out", directory, "--work-dir", Path.Combine(directory, "work"));
        Assert.True(code == 0, output);
        Assert.Contains(TestDevice.Name == "ilgpu:cpu" ? "ilgpu-1.5.3-cpu" : "ilgpu-1.5.3-cuda", output, StringComparison.Ordinal);
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(directory, "demo-undisturbed.safetensors")),
            await File.ReadAllBytesAsync(Path.Combine(directory, "demo-disturbed.safetensors")));
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var text = Path.ChangeExtension(typeof(IlgpuBackend).Assembly.Location, ".xml");
        var command = OwnExecutable.Command([.. arguments, "--device", TestDevice.Name, "--data", text]);
        command.RedirectStandardOutput = command.RedirectStandardError = command.RedirectStandardInput = true;
        command.Environment.Remove("COORDINATOR_SILO");
        command.Environment.Remove("COORDINATOR_TOKEN_FILE");
        using var process = Process.Start(command)!;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(Limit);
            return (process.ExitCode, await output + await error);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"waited {Limit.TotalMinutes} min for coordinator {string.Join(' ', arguments)}");
        }
    }
}
