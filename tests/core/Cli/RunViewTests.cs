using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;

namespace Coordinator.Tests.Cli;

public class RunViewTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly JobId Job = new("job-1");

    [Fact]
    public void Progress_rate_and_time_left_come_from_the_recorded_steps()
    {
        var view = RunViewBuilder.Build(Running(steps: 10, of: 30, milliseconds: 100, targets: 512));

        Assert.Equal((10, 30), (view.Done, view.Total));
        Assert.Equal(5120, view.TokensPerSecond);
        Assert.Equal(TimeSpan.FromSeconds(2), view.Left);
        Assert.Equal(10, view.Losses.Count);
        Assert.Equal(1.0 / 10, view.Loss);
    }

    [Fact]
    public void A_finished_job_has_no_time_left()
    {
        var data = Running(steps: 30, of: 30, milliseconds: 100, targets: 512);

        Assert.Equal(TimeSpan.Zero, RunViewBuilder.Build(data with { Job = data.Job! with { Phase = "finished" } }).Left);
    }

    [Fact]
    public void A_killed_worker_shows_as_down_before_the_silo_knows_and_its_pid_is_gone()
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512);
        var view = RunViewBuilder.Build(data with
        {
            Children = [data.Children[0], data.Children[1], data.Children[2] with { Phase = ChildPhase.Down }],
        });

        Assert.Equal(new WorkerRow("worker-1", 101, "0", "computing", Tone.Good, 5, true), view.Workers[0]);
        Assert.Equal(new WorkerRow("worker-2", null, "1", "killed, comes back", Tone.Bad, null, false), view.Workers[1]);
    }

    [Fact]
    public void The_invitation_names_a_worker_that_computes()
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512);

        Assert.Equal(102, RunViewBuilder.Build(data).Victim);
        Assert.Null(RunViewBuilder.Build(data with { Children = [] }).Victim);
        Assert.Null(RunViewBuilder.Build(data with { Job = data.Job! with { Phase = "finished" } }).Victim);
    }

    [Fact]
    public void A_silo_that_is_away_is_said_to_come_back_and_its_workers_go_on()
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512);
        var view = RunViewBuilder.Build(data with
        {
            SiloAway = TimeSpan.FromSeconds(1),
            SiloSupervised = true,
        });

        // What the silo said last of its workers is not what they are to it now.
        Assert.Equal("the silo is restarting; training goes on without it", view.Notice);
        Assert.All(view.Workers, worker => Assert.Equal(("on its own", false, null), (worker.State, worker.Connected, worker.Applied)));
        Assert.All(
            RunViewBuilder.Build(data with { SiloAway = TimeSpan.FromSeconds(1), Children = [] }).Workers,
            worker => Assert.Equal(("not known", false), (worker.State, worker.Connected)));
    }

    [Fact]
    public void Ranks_that_train_are_at_the_step_that_is_recorded_however_old_their_last_words_are()
    {
        var data = Running(
            steps: 605, of: 1000, milliseconds: 100,
                targets: 512) with
        { Nodes = [Node("worker-1", 101, 614), Node("worker-2", 102, 589)] };
        Assert.Equal([605L, 605], RunViewBuilder.Build(data).Workers.Select(worker => worker.Applied));

        // One that is behind says where it is.
        data = data with
        {
            Nodes = [data.Nodes[0],
            data.Nodes[1] with { Ranks = [data.Nodes[1].Ranks[0] with { Activity = "fetching" }] }]
        };
        Assert.Equal([605L, 589], RunViewBuilder.Build(data).Workers.Select(worker => worker.Applied));
    }

    [Fact]
    public void A_worker_that_is_busy_with_another_job_is_not_called_spare()
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512);
        var other = data.Nodes[1] with { Ranks = [new RankPosition(0, new JobId("other"), 1, 7, "computing")] };
        data = data with { Job = data.Job! with { Members = [Member(0, "worker-1")] }, Nodes = [data.Nodes[0], other] };
        Assert.Equal("busy with other", RunViewBuilder.Build(data).Workers[1].State);
        Assert.Equal("spare", RunViewBuilder.Build(data with { Nodes = [data.Nodes[0], other with { Ranks = [] }] }).Workers[1].State);
    }

    [Theory]
    [InlineData("asked", "is asked for its state")]
    [InlineData("answered", "waits for the others")]
    [InlineData("promised", "waits for the others")]
    [InlineData("planned", "gets its part")]
    [InlineData("training", "training")]
    public void What_a_worker_does_is_said_in_words(string state, string said)
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512);
        data = data with
        {
            Job = data.Job! with { Members = [Member(0, "worker-1") with { State = state }] },
            Nodes = [data.Nodes[0] with { Ranks = [] }]
        };
        Assert.Equal(said, RunViewBuilder.Build(data).Workers[0].State);
    }

    [Fact]
    public void A_silo_that_stays_away_is_said_once_in_a_pipe_and_of_a_job_that_has_not_begun_no_training_is_told()
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512) with { Children = [] };
        var lines = new PlainLines();
        var said = Enumerable.Range(1, 5)
            .SelectMany(
                second => lines.Next(
                    RunViewBuilder.Build(data with { Now = data.Now.AddSeconds(second), SiloAway = TimeSpan.FromSeconds(second) }))
                        .ToArray()).ToArray();
        var notice = $"the silo has not answered since {data.Now.LocalDateTime:HH:mm:ss}; training goes on without it, and this view goes "
            + "on when it is back";
        Assert.Equal(notice, Assert.Single(said, line => line.Contains("silo", StringComparison.Ordinal)).Trim());

        var before = data with { Job = null, Steps = [], SiloAway = TimeSpan.FromSeconds(1), Now = data.Now.AddSeconds(1) };
        Assert.Equal(
            $"the silo has not answered since {data.Now.LocalDateTime:HH:mm:ss}; this view goes on when it is back",
                RunViewBuilder.Build(before).Notice);
        Assert.Equal(
            "the silo is restarting; the job begins when it is back", RunViewBuilder.Build(before with { SiloSupervised = true }).Notice);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "silo-0 is restarting; the others take over")]
    [InlineData(2, "silo-0 and silo-1 are restarting; the other one takes over")]
    public void Silos_that_restart_are_named_while_another_one_answers(int down, string notice)
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512);
        ChildStatus[] silos = [.. Enumerable.Range(0, 3).Select(
            silo => new ChildStatus($"silo-{silo}", silo < down ? ChildPhase.Down : ChildPhase.Ready, 90 + silo, 1))];
        var view = RunViewBuilder.Build(data with { SiloSupervised = true, Children = [.. silos, .. data.Children.Skip(1)] });

        Assert.Equal(notice, view.Notice);
        Assert.Equal(["worker-1", "worker-2"], view.Workers.Select(worker => worker.Name));
        Assert.Equal(
            "no silo answers; training goes on without them",
            RunViewBuilder.Build(data with { SiloSupervised = true, SiloAway = TimeSpan.FromSeconds(1), Children = silos }).Notice);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(0)]
    public void When_all_workers_are_gone_the_view_says_so_and_how_long_the_job_waits(int recorded)
    {
        var data = Running(steps: recorded, of: 30, milliseconds: 100, targets: 512);
        var view = RunViewBuilder.Build(data with
        {
            Job = data.Job! with { Phase = "waiting", Reason = "no member holds the state" },
            Children = [],
            Nodes = [.. data.Nodes.Select(node => node with { Connected = false })],
        });

        Assert.Equal($"all workers are gone; the job waits for up to 10 min for one that holds the state at step {recorded}", view.Notice);
        Assert.All(view.Workers, worker => Assert.Equal("out of reach", worker.State));
    }

    [Fact]
    public void Events_and_notes_are_merged_by_time_and_the_last_are_shown()
    {
        var data = Running(steps: 5, of: 30, milliseconds: 100, targets: 512) with
        {
            Events =
            [
                Event(1, EventKinds.JobSubmitted, "job submitted"),
                Event(2, EventKinds.RankState, "not shown"),
                Event(4, EventKinds.RankExcluded, "rank 1 left out", "connection closed"),
            ],
            Notes = [new ChildNote(Start.AddSeconds(3), "worker-2", 102, "was killed (SIGKILL)", new ChildExit(102, 137, true))],
        };

        Assert.Equal(
            [
                new EventLine(Start.AddSeconds(3), "worker-2 was killed (SIGKILL)", Tone.Bad),
                new EventLine(Start.AddSeconds(4), "rank 1 left out (connection closed)", Tone.Bad),
            ],
            RunViewBuilder.Build(data, shownEvents: 2).Events);
    }

    [Fact]
    public void Plain_lines_say_every_event_once_and_progress_every_two_seconds()
    {
        var lines = new PlainLines();
        var data = Running(
            steps: 5, of: 30, milliseconds: 100, targets: 512) with
        { Events = [Event(1, EventKinds.JobSubmitted, "job submitted")] };
        var first = lines.Next(RunViewBuilder.Build(data)).ToArray();
        var soon = lines.Next(RunViewBuilder.Build(
            Running(steps: 6, of: 30, milliseconds: 100, targets: 512) with { Now = data.Now.AddSeconds(1) })).ToArray();
        var later = lines.Next(RunViewBuilder.Build(
            Running(steps: 8, of: 30, milliseconds: 100, targets: 512) with { Now = data.Now.AddSeconds(2) })).ToArray();

        Assert.Equal(3, first.Length);
        Assert.EndsWith("job submitted", first[0], StringComparison.Ordinal);
        Assert.Equal("      0:05  step 5 of 30  loss 0.2000  5.1k tokens/s  0:02 left  generation 3", first[1]);
        Assert.Equal("            try it yourself:  kill -9 102", first[2]);
        Assert.Empty(soon);
        Assert.Equal("      0:07  step 8 of 30  loss 0.1250  5.1k tokens/s  0:02 left  generation 3", Assert.Single(later));
    }

    [Fact]
    public void A_sparkline_spans_lowest_to_highest() =>
        Assert.Equal("█▄▁?", Words.Sparkline([4.0, 2.6, 1.0, double.NaN]));

    [Fact]
    public void Many_losses_are_averaged_down() =>
        Assert.Equal([1.5, 3.5], RunViewBuilder.Condense([1.0, 2.0, 3.0, 4.0], 2));

    private static TimedEvent Event(int second, string kind, string text, string? cause = null) =>
        new(Start.AddSeconds(second), new CoordinatorEvent { Kind = kind, Job = Job, Text = text, Cause = cause });

    private static RunData Running(int steps, long of, double milliseconds, long targets) => new()
    {
        Now = Start.AddSeconds(5),
        Started = Start,
        Job = new JobView
        {
            Id = Job,
            Phase = "running",
            Spec = new JobSpec { Training = new TrainingSpec { Steps = of } },
            Generation = 3,
            Recorded = steps,
            Members = [Member(0, "worker-1"), Member(1, "worker-2")],
        },
        Nodes = [Node("worker-1", 101, steps), Node("worker-2", 102, steps)],
        Steps = [.. Enumerable.Range(1, steps).Select(step => new StepRecord(step, 3, 1.0 / step, 1, milliseconds, targets))],
        Children = [
            new("silo", ChildPhase.Ready, 100, 1), new("worker-1", ChildPhase.Ready, 101, 1), new("worker-2", ChildPhase.Ready, 102, 1),
        ],
    };

    private static MemberView Member(int rank, string node) =>
        new(rank, new GpuId(new NodeId(node), 0), "127.0.0.1:1", 1, 2, true, "running");

    private static NodeView Node(string name, int pid, long applied) => new(
        new NodeId(name), true, new WorkerSession(1, 1), "127.0.0.1:1", pid, [], [new RankPosition(0, Job, 3, applied, "computing")], 10);
}
