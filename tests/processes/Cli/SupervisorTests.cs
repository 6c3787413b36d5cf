using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Processes;

namespace Coordinator.Tests.Processes.Cli;

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

    [Theory]
    [InlineData(137)]
    [InlineData(143)]
    [InlineData(130)]
    [InlineData(129)]
    [InlineData(138)]
    public void A_signal_is_no_failed_start_however_often_it_comes(int code)
    {
        var policy = new RestartPolicy { Tries = 2, LongestPause = TimeSpan.FromSeconds(4) };

        var pauses = Enumerable.Range(0, 100)
            .Select(kill => policy.AfterExit(TimeSpan.FromSeconds(kill * 0.1), new ChildExit(1, code, WasReady: false))).ToArray();

        Assert.Equal([0.3, 0.6, 1.2, 2.4, 4.0], pauses.Take(5).Select(pause => pause!.Value.TotalSeconds));
        Assert.All(pauses.Skip(5), pause => Assert.Equal(policy.LongestPause, pause));
    }

    [Theory]
    [InlineData(134)]
    [InlineData(139)]
    [InlineData(1)]
    public void A_crash_and_an_exit_of_its_own_are_failed_starts(int code)
    {
        var policy = new RestartPolicy { Tries = 2 };

        Assert.NotNull(policy.AfterExit(TimeSpan.Zero, new ChildExit(1, code, WasReady: false)));
        Assert.Null(policy.AfterExit(TimeSpan.Zero, new ChildExit(1, code, WasReady: false)));
    }

    [Fact]
    public void Nothing_is_given_up_while_the_job_trains_and_then_at_the_next_failure()
    {
        var policy = new RestartPolicy { Tries = 2 };
        var refused = new ChildExit(1, ExitCodes.Usage, WasReady: false);

        for (var failure = 0; failure < 100; failure++)
        {
            Assert.InRange(
                policy.AfterExit(TimeSpan.FromSeconds(failure * 0.1), refused, mayGiveUp: false)!.Value,
                TimeSpan.FromMilliseconds(250),
                policy.LongestPause);
        }
        Assert.Null(policy.AfterExit(TimeSpan.FromSeconds(10), refused));
    }

    [Fact]
    public async Task A_child_that_is_killed_at_every_start_is_started_until_it_comes_up()
    {
        var count = Path.Combine(directory, "starts");
        var supervisor = Shell($"echo . >> {count}; [ $(wc -l < {count}) -gt 7 ] || kill -KILL $$; echo ready at last; read x");
        var run = supervisor.RunAsync(stop.Token);

        // What stands behind the address is for people.
        Assert.Equal("at", await supervisor.FirstReady.WaitAsync(Limit));
        Assert.Equal(8, supervisor.Status.Starts);
        await stop.CancelAsync();
        Assert.Null(await run.WaitAsync(Limit));
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_tried_and_given_up_with_the_reason()
    {
        var supervisor = new Supervisor(
            "worker-1",
            _ => new ProcessStartInfo("/no/such/program"),
            Path.Combine(directory, "log"),
            new RestartPolicy { Tries = 2 },
            notes.Add);

        var failure = await supervisor.RunAsync(stop.Token).WaitAsync(Limit);

        Assert.StartsWith("worker-1 cannot be started: ", failure!.Message, StringComparison.Ordinal);
        Assert.Equal(2, notes.Count);
    }

    [Fact]
    public async Task A_log_on_a_full_disk_costs_the_child_nothing()
    {
        var supervisor = new Supervisor(
            "worker-1",
            _ => new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", "echo one; echo ready two; read x" } },
            "/dev/full",
            new RestartPolicy(),
            notes.Add);
        var run = supervisor.RunAsync(stop.Token);

        Assert.Equal("two", await supervisor.FirstReady.WaitAsync(Limit));
        await stop.CancelAsync();
        Assert.Null(await run.WaitAsync(Limit));
    }

    [Fact]
    public void A_log_that_can_be_written_again_says_how_many_lines_are_missing()
    {
        var path = Path.Combine(directory, "later", "log");
        using var log = new LogFile(path);
        log.WriteLine("one");
        log.WriteLine("two");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        log.WriteLine("three");
        log.WriteLine("four");

        Assert.Equal(["(2 lines are missing here: they could not be written)", "three", "four"], File.ReadAllLines(path));
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

    [Theory]
    [InlineData("running", 0, true)]
    [InlineData("running", 9, true)]
    [InlineData("running", 11, false)]
    [InlineData("forming", 0, false)]
    public void A_job_counts_as_training_only_for_some_minutes_after_it_was_last_heard_of(string phase, int minutesAway, bool counts) =>
        Assert.Equal(
            counts,
            JobRun.IsTraining(new JobView { Id = new JobId("j"), Phase = phase, Spec = new JobSpec() }, TimeSpan.FromMinutes(minutesAway)));
}
