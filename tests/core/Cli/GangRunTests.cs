using System.Text;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Tests.Worker;

namespace Coordinator.Tests.Cli;

/// <summary>What a run says of itself and its ranks.</summary>
public sealed class GangRunTests
{
    [Fact]
    public async Task Every_failure_is_told_once_though_a_gang_keeps_only_its_last_twenty()
    {
        await using var silo = await TestServer.StartAsync();
        var said = new Lines();
        silo.Grains.Show(View("running", first: 1, last: 20));
        var run = new GangRun(
            new SiloCalls(silo.Client, cluster: null),
            new JobId("g"),
            new LogPrinter(said, said, withRanks: false, withTimes: false),
            _ => []);

        var following = run.FollowAsync(CancellationToken.None);
        await said.Has("generation 20 ended: x").For("the twentieth failure");
        silo.Grains.Show(View("finished", first: 3, last: 22));
        await following.For("the end");

        Assert.Equal(
            Enumerable.Range(1, 22).Select(generation => $"generation {generation} ended: x"),
            said.All.Where(line => line.EndsWith("ended: x", StringComparison.Ordinal)));
    }

    [Fact]
    public void Pieces_of_a_long_line_are_joined_for_one_rank_and_are_lines_of_their_own_beside_others()
    {
        var (one, all) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        foreach (var (writer, withRanks) in new[] { (one, false), (all, true) })
        {
            var printer = new LogPrinter(writer, TextWriter.Null, withRanks, withTimes: false);
            printer.Print(0, new LogLine("", "stdout", IsWhole: false, "a"));
            if (withRanks)
                printer.Print(1, new LogLine("", "stdout", IsWhole: true, "x"));
            printer.Print(0, new LogLine("", "stdout", IsWhole: true, "b"));
        }

        Assert.Equal("ab\n", one.ToString());
        Assert.Equal("[0] a\n[1] x\n[0] b\n", all.ToString());
    }

    private static GangView View(string phase, int first, int last) => new()
    {
        Id = new JobId("g"),
        Phase = phase,
        Spec = new GangSpec { Command = ["program"], MinNodes = 1, MaxNodes = 1 },
        Generation = last + 1,
        Failures = [.. Enumerable.Range(first, last - first + 1).Select(generation => new GangFailure(generation, "exit", "x"))],
    };

    /// <summary>What is written, line by line, and who waits for a line.</summary>
    private sealed class Lines : TextWriter
    {
        private readonly List<string> lines = [];
        private readonly List<(string Line, TaskCompletionSource Came)> waiting = [];

        public override Encoding Encoding => Encoding.UTF8;

        public IReadOnlyList<string> All
        {
            get
            {
                lock (lines)
                    return [.. lines];
            }
        }

        public override void WriteLine(string? value)
        {
            lock (lines)
            {
                lines.Add(value ?? "");
                foreach (var (_, came) in waiting.Where(one => one.Line == value))
                    came.TrySetResult();
            }
        }

        public Task Has(string line)
        {
            lock (lines)
            {
                var came = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (lines.Contains(line))
                    came.SetResult();
                waiting.Add((line, came));
                return came.Task;
            }
        }
    }
}
