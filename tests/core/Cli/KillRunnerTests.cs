using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Demo;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;
using Coordinator.Tests.Support;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Cli;

public sealed class KillRunnerTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_blow_falls_when_its_step_is_recorded_and_only_once()
    {
        var targets = new Targets();
        var runner = new KillRunner(new KillSchedule(1, [new(KillKind.Workers, 10, [0, 2])]), folder.Path);

        runner.Observe(Data(9, 4), targets);
        Assert.Empty(targets.Killed);
        runner.Observe(Data(10, 4), targets);
        runner.Observe(Data(11, 4), targets);

        Assert.Equal(["worker-1", "worker-3"], targets.Killed);
        Assert.Empty(runner.Waiting);
    }

    [Fact]
    public void A_blow_waits_while_a_victim_is_down_or_nobody_would_be_left()
    {
        var targets = new Targets();
        var runner = new KillRunner(new KillSchedule(1, [new(KillKind.Workers, 10, [0, 1])]), folder.Path);

        runner.Observe(Data(10, 2), targets);
        runner.Observe(Data(10, 3, down: 1), targets);
        Assert.Empty(targets.Killed);
        runner.Observe(Data(10, 3), targets);

        Assert.Equal(["worker-1", "worker-2"], targets.Killed);
    }

    [Fact]
    public void Nothing_is_killed_while_the_silo_is_away_or_the_job_forms_a_generation()
    {
        var targets = new Targets();
        var runner = new KillRunner(new KillSchedule(1, [new(KillKind.Silo, 5, []) { Silos = [0] }]), folder.Path);
        var data = Data(10, 4);

        runner.Observe(data with { SiloAway = TimeSpan.FromSeconds(1) }, targets);
        runner.Observe(data with { Job = data.Job! with { Phase = "forming" } }, targets);
        Assert.Empty(targets.Killed);
        runner.Observe(data, targets);

        Assert.Equal(["silo-0"], targets.Killed);
    }

    [Fact]
    public void Silos_are_hit_together_once_none_of_them_is_still_coming_back()
    {
        var targets = new Targets();
        var runner = new KillRunner(new KillSchedule(1, [new(KillKind.Silo, 5, []) { Silos = [2, 0] }]), folder.Path);
        ChildStatus[] up =
        [
            new("silo-0", ChildPhase.Ready, 1, 1), new("silo-1", ChildPhase.Down, 2, 1), new("silo-2", ChildPhase.Ready, 3, 1),
        ];

        runner.Observe(Data(10, 4) with { Children = [up[0], up[1], up[2] with { Phase = ChildPhase.Starting }] }, targets);
        Assert.Empty(targets.Killed);
        runner.Observe(Data(10, 4) with { Children = up }, targets);

        Assert.Equal(["silo-2", "silo-0"], targets.Killed);
        Assert.Equal(
            [KillKind.Silo, KillKind.Silo, null],
            runner.Deaths([Death("silo-2", 92), Death("silo-0", 90), Death("silo-1", 91)]).Select(death => death.Kind));
    }

    [Fact]
    public void An_armed_worker_is_armed_again_until_its_fault_struck()
    {
        var runner = new KillRunner(new KillSchedule(1, [new(KillKind.Collective, 37, [1])]), folder.Path);

        Assert.Equal(["--fault", "kill@collective:37"], runner.WorkerArguments(1, 1).TakeLast(2));
        Assert.DoesNotContain("kill@collective:37", runner.WorkerArguments(0, 1));
        runner.Heard(1, 4711, "fault kill@collective:37");

        Assert.Empty(runner.WorkerArguments(1, 1));
        Assert.Empty(runner.Waiting);
    }

    [Fact]
    public void No_worker_begins_the_step_behind_a_blow_before_it_has_struck()
    {
        var runner = new KillRunner(new KillSchedule(
            1,
            [new(KillKind.Workers, 10, [0]), new(KillKind.Collective, 37, [1]), new(KillKind.Silo, 50, []) { Silos = [0] }]), folder.Path);
        var holds = runner.WorkerArguments(3, 1).Where(argument => argument != "--fault").Select(FaultRule.Parse).ToArray();
        Assert.Equal([11, 39, 51], holds.Select(hold => hold.Number));
        Assert.All(holds, hold => Assert.Equal((FaultAction.Hold, false), (hold.Action, File.Exists(hold.File))));

        runner.Observe(Data(10, 4), new Targets());
        runner.Heard(1, 4711, "fault kill@collective:37");
        runner.Observe(Data(50, 4), new Targets());

        Assert.All(holds, hold => Assert.True(File.Exists(hold.File)));
        Assert.Empty(runner.WorkerArguments(3, 2));
    }

    [Fact]
    public void Deaths_tell_the_demos_kills_from_those_of_others()
    {
        var runner = new KillRunner(new KillSchedule(1, [new(KillKind.Workers, 10, [0]), new(KillKind.Collective, 37, [1])]), folder.Path);
        runner.Observe(Data(10, 4), new Targets());
        runner.Heard(1, 202, "fault kill@collective:37");

        var deaths = runner.Deaths([Death("worker-1", 100), Death("worker-2", 202), Death("worker-3", 303), Exit("worker-4", 404, 1)]);

        Assert.Equal([KillKind.Workers, KillKind.Collective, null], deaths.Select(death => death.Kind));
    }

    private static ChildNote Death(string name, int pid) => Exit(name, pid, 137);

    private static ChildNote Exit(string name, int pid, int code) => new(Now, name, pid, "ended", new ChildExit(pid, code, true));

    private static RunData Data(long step, int workers, int down = -1)
    {
        var job = new JobId("job-1");
        var up = Enumerable.Range(0, workers).Where(worker => worker != down).Select(LocalCluster.WorkerName).ToArray();
        return new RunData
        {
            Now = Now,
            Started = Now,
            Job = new JobView
            {
                Id = job,
                Phase = "running",
                Spec = new JobSpec(),
                Members = [.. up.Select((name, rank) => new MemberView(rank, new GpuId(new NodeId(name), 0), "", 1, 1, true, "running"))],
            },
            Nodes = [.. up.Select(name => new NodeView(
                new NodeId(name), true, new WorkerSession(1, 1), "", 1, [], [new RankPosition(0, job, 1, step, "computing")], 1))],
            Steps = [new StepRecord(step, 1, 1, 1, 1, 1)],
        };
    }

    private sealed class Targets : IKillTargets
    {
        public List<string> Killed { get; } = [];

        public int? KillWorker(int worker)
        {
            Killed.Add(LocalCluster.WorkerName(worker));
            return 100 + worker;
        }

        public (string Name, int Pid)? KillSilo(int silo)
        {
            Killed.Add($"silo-{silo}");
            return ($"silo-{silo}", 90 + silo);
        }
    }
}
