using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;

namespace Coordinator.Tests.Cli;

/// <summary>Supervision of real processes: shells that say what a silo or a worker would.</summary>
public sealed class SupervisorTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly string directory = Directory.CreateTempSubdirectory("supervisor-").FullName;
    private readonly BlockingCollection<ChildNote> notes = [];
    private readonly CancellationTokenSource stop = new();

    public void Dispose()
    {
        Directory.Delete(directory, recursive: true);
        notes.Dispose();
        stop.Dispose();
    }

    [Fact]
    public async Task A_killed_child_is_started_again_and_a_stop_leaves_no_process()
    {
        var supervisor = Shell("echo ready one; read x");
        var run = supervisor.RunAsync(stop.Token);
        Assert.Equal("one", await supervisor.FirstReady.WaitAsync(Limit));

        var killed = supervisor.Kill();
        var end = Note(note => note.Exit is not null, "the end of the killed child");
        var again = Note(note => note.Text.StartsWith("started again", StringComparison.Ordinal), "the second start");
        await stop.CancelAsync();

        Assert.Equal(killed, end.Pid);
        Assert.True(end.Exit!.Killed);
        Assert.NotEqual(end.Pid, again.Pid);
        Assert.Null(await run.WaitAsync(Limit));
        Assert.False(IsAlive(killed!.Value));
        Assert.False(IsAlive(again.Pid));
    }

    [Fact]
    public async Task A_child_that_dies_at_every_start_is_given_up_with_its_last_words()
    {
        var supervisor = Shell("echo 'no such device' >&2; exit 7", new RestartPolicy { Tries = 3 });

        var failure = await supervisor.RunAsync(stop.Token).WaitAsync(Limit);

        Assert.Equal(
            $"worker-1 ended with exit code 7 at its last start of 3, and never came up for long. It said last:{Environment.NewLine}"
            + string.Join(Environment.NewLine, Enumerable.Repeat("  no such device", 3).Take(1)),
            failure!.Message);
        Assert.Equal(ExitCodes.RunFailed, failure.ExitCode);
        Assert.Equal(ChildPhase.GivenUp, supervisor.Status.Phase);
    }

    [Fact]
    public async Task A_child_that_refuses_its_command_line_is_not_tried_twice()
    {
        var failure = await Shell("echo 'bad option'; exit 2").RunAsync(stop.Token).WaitAsync(Limit);

        Assert.Equal(ExitCodes.Usage, failure!.ExitCode);
        Assert.Single(notes, note => note.Text.StartsWith("started", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_child_that_ignores_the_end_of_its_pipe_is_killed()
    {
        var supervisor = Shell("echo ready; exec sleep 600");
        var run = supervisor.RunAsync(stop.Token);
        await supervisor.FirstReady.WaitAsync(Limit);
        var pid = supervisor.Status.Pid;
        await stop.CancelAsync();

        Assert.Null(await run.WaitAsync(Limit));
        Assert.False(IsAlive(pid));
    }

    [Fact]
    public void A_child_that_came_up_is_never_given_up_however_often_it_is_killed()
    {
        var policy = new RestartPolicy { Tries = 2 };

        for (var kill = 0; kill < 100; kill++)
            Assert.Equal(policy.Pause, policy.AfterExit(TimeSpan.FromSeconds(kill * 0.1), new ChildExit(1, 137, WasReady: true)));
    }

    [Fact]
    public void Failed_starts_count_within_the_window_only()
    {
        var policy = new RestartPolicy { Tries = 3, Window = TimeSpan.FromSeconds(10) };
        var crash = new ChildExit(1, 134, WasReady: false);

        Assert.NotNull(policy.AfterExit(TimeSpan.FromSeconds(0), crash));
        Assert.NotNull(policy.AfterExit(TimeSpan.FromSeconds(1), crash));
        Assert.NotNull(policy.AfterExit(TimeSpan.FromSeconds(20), crash));
        Assert.NotNull(policy.AfterExit(TimeSpan.FromSeconds(21), crash));
        Assert.Null(policy.AfterExit(TimeSpan.FromSeconds(22), crash));
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private Supervisor Shell(string script, RestartPolicy? policy = null) => new(
        "worker-1",
        _ => new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", script } },
        Path.Combine(directory, "worker-1.log"),
        policy ?? new RestartPolicy { Pause = TimeSpan.Zero },
        notes.Add);

    private ChildNote Note(Func<ChildNote, bool> isWanted, string what)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < Limit)
        {
            if (notes.TryTake(out var note, TimeSpan.FromMilliseconds(100)) && isWanted(note))
                return note;
        }

        throw new TimeoutException($"waited {Limit.TotalSeconds} s for {what}");
    }
}
