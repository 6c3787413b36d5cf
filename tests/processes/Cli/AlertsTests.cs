using System.Text.Json.Nodes;
using Coordinator.Tests.Processes.Chaos;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>The watcher as a process, beside a silo that it outlives.</summary>
public sealed class AlertsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_job_without_gpus_is_told_to_a_program_and_a_silo_that_dies_too()
    {
        using var folder = new TemporaryFolder();
        var program = folder.Write("page", $"#!/bin/sh\ncat >> '{folder.File("told")}'\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var rules = folder.Write("rules", "spares-exhausted: 1s\nsilo-lost: 1s\n");
        var run = await LoopbackRun.StartAsync();
        Executable alerts;
        await using (run)
        {
            await run.SubmitAsync(Workload.LongGpt, 2);
            alerts = new Executable(["alerts", "--rules", rules, "--command", program, "--period", "200ms", .. run.Silo]);
            await alerts.LineAsync(
                line => line.Contains("ALERT spares-exhausted: ", StringComparison.Ordinal), "the job that waits", Limit);
        }

        using (alerts)
        {
            await alerts.LineAsync(line => line.Contains("ALERT silo-lost: ", StringComparison.Ordinal), "the silo that is gone", Limit);
            alerts.Signal("TERM");
            Assert.Equal(143, await alerts.EndAsync(Limit));
            Assert.DoesNotContain("over ", alerts.Output, StringComparison.Ordinal);
        }

        var told = (await File.ReadAllLinesAsync(folder.File("told"))).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(["spares-exhausted firing", "silo-lost firing"], told.Select(alert => $"{alert["rule"]} {alert["state"]}"));
        Assert.Contains("has 0 of 2 ranks, and no gpu is free", $"{told[0]["text"]}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-rule: 5", "is no 'rule: number'")]
    [InlineData("stalled-progress: soon", "must be a time, such as 30s or 5m, or off")]
    public async Task Rules_that_are_none_are_refused_with_the_line(string text, string said)
    {
        using var folder = new TemporaryFolder();
        using var alerts = new Executable("alerts", "--silo", "http://127.0.0.1:9", "--rules", folder.Write("rules", text));

        Assert.Equal(2, await alerts.EndAsync(Limit));
        Assert.Contains(said, alerts.Output, StringComparison.Ordinal);
    }
}
