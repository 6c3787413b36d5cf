using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>Messages, remedies and exit codes of the real executable.</summary>
public sealed class CommandLineTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string directory = Directory.CreateTempSubdirectory("command-line-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData(ExitCodes.Success, "--help")]
    [InlineData(ExitCodes.Success, "--version")]
    [InlineData(ExitCodes.Usage)]
    [InlineData(ExitCodes.Usage, "trian")]
    [InlineData(ExitCodes.Usage, "train", "--stpes", "200")]
    [InlineData(ExitCodes.Usage, "train", "--steps", "many")]
    [InlineData(ExitCodes.Usage, "train", "--workers", "0")]
    [InlineData(ExitCodes.Usage, "train", "--workers", "all")]
    [InlineData(ExitCodes.Usage, "simulate", "protocol", "--seeds", "1e3")]
    [InlineData(ExitCodes.Usage, "train", "--workers", "8")]
    [InlineData(ExitCodes.Usage, "train", "--data", "/no/such/file")]
    [InlineData(ExitCodes.Usage, "train", "--model.layers=four")]
    [InlineData(ExitCodes.Usage, "demo", "--inject", "frogs")]
    [InlineData(ExitCodes.Usage, "generate", "--model", "/no/such/model")]
    [InlineData(ExitCodes.Usage, "status")]
    [InlineData(ExitCodes.Usage, "status", "--silo", "not a url")]
    [InlineData(ExitCodes.Usage, "status", "--silo", "http://127.0.0.1:1,nonsense")]
    [InlineData(ExitCodes.Usage, "demo", "--silos", "0")]
    [InlineData(ExitCodes.Usage, "train", "--silos", "3", "--database", "@/no/such/file", "--model.program=linear")]
    [InlineData(ExitCodes.Usage, "silos")]
    [InlineData(ExitCodes.NotFound, "silos", "--database", "Host=127.0.0.1;Port=1;Database=x;Username=x")]
    [InlineData(ExitCodes.Usage, "worker", "--silo", "http://127.0.0.1:1", "--fault", "kill@lunch")]
    [InlineData(ExitCodes.Usage, "worker", "--silo", "http://127.0.0.1:1", "--device", "metal")]
    [InlineData(ExitCodes.Usage, "worker", "--silo", "http://127.0.0.1:1", "--device", "test:0", "--device-library", "/no/such/library")]
    [InlineData(ExitCodes.Usage, "worker", "--silo", "http://127.0.0.1:1", "--device-library", "/no/such/library")]
    [InlineData(ExitCodes.Usage, "worker", "--silo", "http://127.0.0.1:1", "--device", "ilgpu:cpu", "--ilgpu", "/of/earlier/versions")]
    [InlineData(ExitCodes.Usage, "train", "--device", "ilgpu:cuda:x", "--model.program=linear")]
    [InlineData(ExitCodes.Usage, "train", "--device", "cpu", "--silo", "http://127.0.0.1:1", "--model.program=linear")]
    [InlineData(ExitCodes.Usage, "train", "--job.device_class=a,b", "--model.program=linear")]
    [InlineData(ExitCodes.Usage, "silo", "--data-dir", "never-made", "--gpu-policy", "/no/such/policy")]
    [InlineData(ExitCodes.Usage, "power", "cap", "80mw")]
    [InlineData(ExitCodes.Usage, "power", "set", "--ramp", "fast")]
    [InlineData(ExitCodes.Usage, "power", "set", "--overhead", "0.9")]
    [InlineData(ExitCodes.Usage, "power", "set", "--class", "cpu=200")]
    [InlineData(ExitCodes.Usage, "cooling", "set", "hall-a", "--capacity", "5XW")]
    [InlineData(ExitCodes.Success, "devices", "-o", "json")]
    [InlineData(ExitCodes.Success, "chaos", "--list")]
    [InlineData(ExitCodes.Usage, "chaos", "--scenario", "earthquake")]
    [InlineData(ExitCodes.Usage, "chaos", "--quick", "--scenario", "silo-killed")]
    [InlineData(ExitCodes.Usage, "chaos", "--inject", "frogs")]
    [InlineData(ExitCodes.Usage, "chaos", "--silos", "many")]
    [InlineData(ExitCodes.Usage, "simulate", "protocol", "--trace")]
    [InlineData(ExitCodes.Success, "simulate", "protocol", "--seed", "1")]
    [InlineData(ExitCodes.RunFailed, "simulate", "protocol", "--seed", "1", "--bug", "StepNotRecorded")]
    [InlineData(ExitCodes.Success, "simulate", "protocol", "--bug", "StepNotRecorded")]
    [InlineData(ExitCodes.Success, "simulate", "protocol", "--bug", "StepNotRecorded", "--without-checker")]
    [InlineData(ExitCodes.RunFailed, "simulate", "protocol", "--bug", "StepNotRecorded", "--without-checker", "final-model")]
    [InlineData(ExitCodes.RunFailed, "simulate", "protocol", "--seeds", "2", "--every-cell")]
    [InlineData(ExitCodes.Usage, "simulate", "protocol", "--without-checker")]
    [InlineData(ExitCodes.Usage, "simulate", "protocol", "--bug", "StepNotRecorded", "--without-checker", "no-such")]
    public async Task Exit_codes_tell_usage_from_failure(int expected, params string[] arguments)
    {
        using var run = new Executable(arguments);

        Assert.True(expected == await run.EndAsync(Limit), $"{string.Join(' ', arguments)} said:\n{run.Output}");
        Assert.NotEmpty(run.Output);
    }

    [Fact]
    public async Task A_silo_out_of_reach_is_exit_code_3()
    {
        var token = Path.Combine(directory, "token");
        await File.WriteAllTextAsync(token, new string('a', 64));
        using var run = new Executable("jobs", "--silo", "http://127.0.0.1:1", "--token-file", token);

        Assert.Equal(ExitCodes.NotFound, await run.EndAsync(Limit));
    }

    [Fact]
    public async Task Of_several_silos_named_once_each_or_with_commas_one_that_answers_will_do()
    {
        using var silo = new Executable("silo", "--data-dir", directory, "--url", "http://127.0.0.1:0");
        var url = (
            await silo.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the ready line", Limit))["ready ".Length..];
        var token = Path.Combine(directory, "token");
        using var each = new Executable("jobs", "--silo", "http://127.0.0.1:1", "--silo", url, "--token-file", token);
        using var commas = new Executable("jobs", "--silo", $"http://127.0.0.1:1,{url}", "--token-file", token);

        Assert.True(await each.EndAsync(Limit) == ExitCodes.Success, each.Output);
        Assert.True(await commas.EndAsync(Limit) == ExitCodes.Success, commas.Output);
    }

    [Fact]
    public async Task A_silo_says_where_it_listens_refuses_a_second_one_and_ends_with_SIGTERM()
    {
        using var silo = new Executable("silo", "--data-dir", directory, "--url", "http://127.0.0.1:0");
        var ready = await silo.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the ready line", Limit);
        var url = ready["ready ".Length..];
        using var status = new Executable("status", "--silo", url, "--token-file", Path.Combine(directory, "token"), "-o", "json");
        using var sameFolder = new Executable("silo", "--data-dir", directory, "--url", "http://127.0.0.1:0");
        using var samePort = new Executable("silo", "--data-dir", Path.Combine(directory, "other"), "--url", url);

        Assert.Equal(ExitCodes.Success, await status.EndAsync(Limit));
        Assert.Contains("\"apiVersion\": \"v1\"", status.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Usage, await sameFolder.EndAsync(Limit));
        Assert.Equal(ExitCodes.Usage, await samePort.EndAsync(Limit));
        silo.Signal("TERM");
        Assert.Equal(ExitCodes.Terminated, await silo.EndAsync(Limit));
    }

    [Fact]
    public async Task A_silo_whose_parent_closes_the_pipe_ends()
    {
        var child = Coordinator.Runs.Processes.ChildProcess.Start(
            Coordinator.Runs.Processes.OwnExecutable.Command(
                ["silo", "--data-dir", directory, "--url", "http://127.0.0.1:0", "--parent-pipe"]),
            Path.Combine(directory, "silo.log"));
        using (child)
        {
            await child.Ready.WaitAsync(Limit);
            await child.StopAsync(Limit);
            var exit = await child.WaitAsync();

            Assert.False(exit.Killed, string.Join('\n', child.LastLines));
        }
    }
}
