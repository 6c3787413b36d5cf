using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// The demo with real processes and real kills, at a size of seconds. That it ends with identical files is .ci/run's own check, at full
/// size.
/// </summary>
public sealed partial class DemoTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private readonly string directory = Directory.CreateTempSubdirectory("demo-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task One_flipped_bit_in_one_contribution_makes_the_demo_exit_1()
    {
        using var demo = Start("--inject", "flip");

        Assert.Equal(ExitCodes.RunFailed, await demo.EndAsync(Limit));
        Assert.NotEqual(Hash("demo-disturbed.safetensors"), Hash("demo-undisturbed.safetensors"));
        Assert.Contains("DIFFERENT\n", demo.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT", ExitCodes.Interrupted)]
    [InlineData("TERM", ExitCodes.Terminated)]
    public async Task A_signal_ends_the_demo_with_all_its_processes(string signal, int expected)
    {
        using var demo = Start();
        await demo.LineAsync(line => line.Contains("all 4 ranks have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        demo.Signal(signal);

        Assert.Equal(expected, await demo.EndAsync(Limit));
        Assert.Empty(Alive(demo.Output));
    }

    [Fact]
    public async Task When_the_demo_itself_is_killed_its_processes_end_by_themselves()
    {
        using var demo = Start();
        await demo.LineAsync(line => line.Contains("all 4 ranks have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        demo.Kill();
        await demo.EndAsync(Limit);

        await Task.WhenAll(Alive(demo.Output).Select(process => process.WaitForExitAsync())).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private Executable Start(params string[] more) =>
        new(["demo", "--quick", "--data", Path.ChangeExtension(
            typeof(DemoTests).Assembly.Location, ".xml"), "--out", directory, "--work-dir", Path.Combine(directory, "work"), .. more]);

    private string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(directory, file))));

    /// <summary>Processes that the output names as started, and that are still there.</summary>
    private static List<Process> Alive(string output)
    {
        List<Process> alive = [];
        foreach (Match started in StartedLine().Matches(output))
        {
            try
            {
                alive.Add(Process.GetProcessById(int.Parse(started.Groups[1].ValueSpan)));
            }
            catch (ArgumentException)
            {
                // It is gone, as it should be.
            }
        }

        return alive;
    }

    [GeneratedRegex(@"started (?:again )?as process (\d+)")]
    private static partial Regex StartedLine();
}
