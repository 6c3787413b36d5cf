using Coordinator.Cli.Commands;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.View;
using Spectre.Console;

namespace Coordinator.Tests.Cli;

/// <summary>A job of which no equal bits are promised says so wherever it is looked at.</summary>
public sealed class NoPromiseTests
{
    private const string Why = "no equal bits are promised any more since step 3: n1/0: shard 2 of step 4 has another gradient";

    private static readonly JobView Sound = new() { Id = new JobId("job-1"), Phase = "running", Spec = new JobSpec(), Generation = 1 };
    private static readonly JobView Broken = Sound with { NoPromise = Why };

    [Fact]
    public void The_table_of_status_jobs_and_describe_has_a_column_for_it()
    {
        Assert.Equal("equal", Cell(Sound));
        Assert.Equal("no promise", Cell(Broken));
        Assert.Equal([$"job-1: {Why}"], JobTable.Remarks([Sound, Broken]));
    }

    [Fact]
    public void The_live_view_has_a_line_for_it_on_a_terminal_and_elsewhere()
    {
        Assert.DoesNotContain("promise", Drawn(Sound), StringComparison.Ordinal);
        Assert.Contains(Why, Drawn(Broken), StringComparison.Ordinal);

        var lines = new PlainLines();
        Assert.Contains($"            {Why}", lines.Next(ViewOf(Broken)));
        Assert.DoesNotContain($"            {Why}", lines.Next(ViewOf(Broken)));
    }

    private static RunView ViewOf(JobView job)
    {
        var now = DateTimeOffset.UnixEpoch;
        return RunViewBuilder.Build(new RunData { Now = now, Started = now, Job = job });
    }

    private static string Drawn(JobView job)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = 160;
        console.Write(TerminalView.Render(ViewOf(job), 160));
        return text.ToString();
    }

    private static string Cell(JobView job)
    {
        var (columns, rows) = JobTable.Of([job]);
        return rows[0][columns.Select(one => one.Title).ToList().IndexOf("BITS")];
    }
}
