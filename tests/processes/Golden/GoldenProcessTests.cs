using System.Security.Cryptography;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;
using Coordinator.Tests.Support.Golden;

namespace Coordinator.Tests.Processes.Golden;

/// <summary>
/// The same with whole processes, in which the runtime was told to forget vector instructions that the machine has: what another
/// machine of the class would do.
/// </summary>
public sealed class GoldenProcessTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly Dictionary<string, string> Off = new() { ["DOTNET_EnableAVX512"] = "0", ["DOTNET_EnableAVX512F"] = "0" };

    private static readonly Dictionary<string, string[]> Jobs = new()
    {
        ["process: linear"] = [
            "--model.program=linear", "--model.channels=77", "--training.batch_size=10", "--training.shards=8",
            "--collective.block_elements=16",
        ],
        ["process: gpt"] = ["--model.layers=1", "--model.heads=2", "--model.channels=32", "--model.block=32", "--training.batch_size=6"],
    };

    private readonly string directory = Directory.CreateTempSubdirectory("golden-").FullName;

    public static IEnumerable<string> Names => Jobs.Keys;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("process: linear", true, 1)]
    [InlineData("process: linear", false, 3)]
    [InlineData("process: gpt", true, 3)]
    [InlineData("process: gpt", false, 1)]
    public async Task Processes_with_and_without_AVX512_write_the_recorded_file(string job, bool with512, int workers)
    {
        var text = Path.Combine(directory, "text.txt");
        await File.WriteAllTextAsync(text, string.Concat(Enumerable.Range(0, 90).Select(line => $"{line}. The rest is silence.\n")));
        var model = Path.Combine(directory, "model");
        string[] data = job == "process: gpt" ? ["--data", text] : [];
        using var train = new Executable(
            with512 ? [] : Off,
            ["train", .. data, "--workers", $"{workers}", "--steps", "20", "--seed", "11", "--out", model, .. Jobs[job]]);
        Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);

        GoldenHashes.AssertIs(job, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(model))));
    }

    [Fact]
    public async Task The_switch_takes_the_instructions_away()
    {
        using var worker = new Executable(
            Off, "worker", "--silo", "http://127.0.0.1:9", "--node", "n", "--data-dir", directory, "--vector-width", "w512");

        Assert.True(await worker.EndAsync(Limit) == ExitCodes.Usage, worker.Output);
    }
}
