using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>What is done with a run beside the command that started it.</summary>
public sealed class GangCommandsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task A_run_that_is_left_with_a_silo_is_waited_for_followed_and_told_as_a_document()
    {
        using var folder = new TemporaryFolder();

        // A run on one of two nodes is the cluster.
        using var host = new Executable(
            ["run", "--run-dir", folder.File("run"), "--workdir", folder.Path, "--workers", "2", "--nodes", "1", "--", "sleep", "1000"]);
        string[] silo = ["--silo", await ValueAsync("COORDINATOR_SILO"), "--token-file", await ValueAsync("COORDINATOR_TOKEN_FILE")];
        string[] run = ["run", .. silo, "--workdir", folder.Path, "--restarts", "0"];

        var (code, job) = await EndAsync(
            [.. run, "--detach", "--", "sh", "-c", "echo COORDINATOR_STEP=5; while [ ! -e go ]; do sleep 0.05; done; exit 9"]);
        job = job.Trim();
        Assert.Equal(0, code);
        Assert.Equal((0, true), Told(await EndAsync("wait", job, "--for", "step=5"), " at step 5"));
        Assert.Equal((4, true), Told(await EndAsync("wait", job, "--for", "finished", "--timeout", "100ms"), "did not come to finished"));
        Assert.Equal((0, true), Told(await EndAsync("logs", job), "COORDINATOR_STEP=5"));
        folder.Write("go", "");

        // The exit code is the run's, also for who only looks on.
        Assert.Equal((9, true), Told(await EndAsync("attach", job), "exit code 9"));
        Assert.Equal((1, true), Told(await EndAsync("wait", job, "--for", "finished"), "comes to finished no more"));
        Assert.Equal((0, true), Told(await EndAsync([.. run, "-o", "json", "--", "true"]), "\"phase\": \"finished\""));

        async Task<string> ValueAsync(string name)
        {
            var line = await host.LineAsync(line => line.StartsWith($"export {name}=", StringComparison.Ordinal), name, Limit);
            return line[$"export {name}=".Length..];
        }

        async Task<(int Code, string Output)> EndAsync(params string[] arguments)
        {
            using var command = new Executable(arguments[0] == "run" ? arguments : [.. arguments, .. silo]);
            return (await command.EndAsync(Limit), command.Output);
        }

        static (int Code, bool IsSaid) Told((int Code, string Output) ended, string words) =>
            (ended.Code, ended.Output.Contains(words, StringComparison.Ordinal));
    }
}
