using Coordinator.Runs.View;
using Spectre.Console;

namespace Coordinator.Tests.Cli;

public class TerminalViewTests
{
    [Fact]
    public void The_picture_holds_progress_workers_events_and_the_invitation()
    {
        var at = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
        var view = new RunView
        {
            Title = "with [kills]",
            Phase = "running",
            Done = 150,
            Total = 600,
            Elapsed = TimeSpan.FromSeconds(21),
            Left = TimeSpan.FromSeconds(63),
            Losses = [5.5, 4.1, 3.2, 2.9],
            Loss = 2.9,
            TokensPerSecond = 11_400,
            Generation = 7,
            Failures = 2,
            Workers = [
                new("worker-1", 4711, "0", "computing", Tone.Good, 150, true),
                new("worker-2", null, "-", "killed, comes back", Tone.Bad, null, false),
            ],
            Events = [new(at, "worker-2/0 is out: [connection] closed", Tone.Bad)],
            Notice = "the silo is restarting; training goes on without it",
            Victim = 4711,
        };
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = 110;

        console.Write(TerminalView.Render(view));

        var lines = text.ToString().Split('\n').Select(line => line.TrimEnd()).ToArray();
        Assert.StartsWith("╭─with [kills]─", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.Contains("step 150 of 600  25 %   0:21 gone, 1:03 left", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("loss 2.9000  █▄▁▁", StringComparison.Ordinal));
        Assert.Equal("worker-1 4711 0 computing 150 connected", Cells(lines, "worker-1"));
        Assert.Equal("worker-2 - - killed, comes back - not connected", Cells(lines, "worker-2 "));
        Assert.Contains($" {at.LocalDateTime:HH:mm:ss.f}  worker-2/0 is out: [connection] closed", lines);
        Assert.Contains(" the silo is restarting; training goes on without it", lines);
        Assert.Contains(" try it yourself:  kill -9 4711", lines);
    }

    [Fact]
    public void Before_anything_is_known_of_the_job_no_number_of_steps_is_made_up()
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = 80;
        console.Write(TerminalView.Render(new RunView { Title = "train", Phase = "starting", Elapsed = TimeSpan.FromSeconds(3) }));
        Assert.Contains("no step yet   0:03 gone", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("of 0", text.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(80, 24, 2)]
    [InlineData(80, 24, 12)]
    [InlineData(200, 50, 4)]
    [InlineData(40, 10, 30)]
    public void The_picture_leaves_room_for_what_was_printed_above_it_and_breaks_no_line(int width, int height, int workers)
    {
        var at = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
        var view = new RunView
        {
            Title = "a run",
            Phase = "waiting",
            Reason = new string('r', 300),
            Done = 150_000,
            Total = 600_000,
            Elapsed = TimeSpan.FromHours(11),
            Left = TimeSpan.FromHours(33),
            Losses = [.. Enumerable.Range(1, 60).Select(step => 10.0 / step)],
            Loss = 2.9,
            Workers = [.. Enumerable.Range(1, workers)
                .Select(worker =>
                    new WorkerRow($"worker-{worker}", 4_000_000 + worker, "0", "is asked for its state", Tone.Good, 150_000, true))],
            Events = [.. Enumerable.Range(0, 40).Select(second => new EventLine(at.AddSeconds(second), new string('e', 300), Tone.Plain))],
            Notice = new string('n', 300),
            Victim = 4711,
        };
        using var text = new StringWriter();
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Out = new AnsiConsoleOutput(text)
            });
        console.Profile.Width = width;
        console.Write(TerminalView.Render(view, width, height));
        var lines = text.ToString().TrimEnd('\n').Split('\n');

        Assert.All(lines, line => Assert.InRange(line.TrimEnd().Length, 0, width));
        Assert.InRange(lines.Count(line => line.Contains("eee", StringComparison.Ordinal)), 2, 40);
        Assert.Single(lines, line => line.Contains("nnn", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("kill -9 4711", StringComparison.Ordinal));
        if (height >= 24)
            Assert.InRange(lines.Length, 10, height - 5);
        if (height >= 24 && workers > 10)
            Assert.Contains(lines, line => line.Contains(" more", StringComparison.Ordinal));
    }

    private static string Cells(string[] lines, string name) =>
        string.Join(' ', lines.First(line => line.TrimStart().StartsWith(name, StringComparison.Ordinal)).Split(
            ' ', StringSplitOptions.RemoveEmptyEntries));
}
