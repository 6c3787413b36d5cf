using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Gpus;
using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Tests.Machines;

public sealed class GpuMachineTests
{
    private static readonly GpuId Id = new(new NodeId("n1"), 0);
    private static readonly JobId Job = new("j");

    private readonly Outputs outputs = new();
    private GpuMachine machine = new(Id, null, GpuHealthPolicy.Default);
    private WorkerSession session = new(1, 1);
    private TimeSpan now;

    [Fact]
    public void A_fault_that_telemetry_blames_on_the_program_leaves_the_gpu_in_service_and_the_next_does_not()
    {
        Plan(generation: 1);
        Measure(Reading() with { Xids = [13] });
        Fault();
        Assert.Equal("probation", View().Health);
        Fault();
        Assert.Equal("probation", View().Health);
        Plan(generation: 2);
        Fault();
        Assert.Equal("quarantined", View().Health);
    }

    [Fact]
    public void A_fault_that_nothing_explains_quarantines_at_once()
    {
        Plan(generation: 1);
        Measure(Reading());
        Fault();
        Assert.Equal("quarantined", View().Health);
    }

    [Fact]
    public void A_gpu_that_is_marked_bad_leaves_its_job_and_comes_back_by_word_alone()
    {
        Plan(generation: 1);
        Measure(Reading());
        Mark(good: false, "a smell");
        Assert.Equal(("quarantined", "marked bad by ann: a smell", "quarantine"), (View().Health, View().Reason, View().Remedy));
        Assert.Contains(outputs.Items, output => output is SendToGrain { Message: GpuWithdrawn { Gpu: var gpu } } && gpu == Id);

        // Neither time, nor a new process on a host that has booted, nor an error that follows.
        now += TimeSpan.FromDays(30);
        machine.Handle(now, new DeadlinePassed(), outputs);
        Attach(boot: 2);
        Measure(Reading() with { HostBoot = "b2" });
        Measure(Reading() with { HostBoot = "b2", Xids = [79] });
        Assert.Equal(("quarantined", "marked bad by ann: a smell"), (View().Health, View().Reason));

        Mark(good: true, "new fan");
        Assert.Equal(("healthy", "", ""), (View().Health, View().Reason, View().Remedy));
        Plan(generation: 2);
        Fault();
        Assert.Equal("quarantined", View().Health);
    }

    [Fact]
    public void A_mark_that_is_said_again_changes_nothing_and_one_outlives_its_activation()
    {
        Mark(good: true, "why not");
        Assert.DoesNotContain(outputs.Items, output => output is PersistState);
        Mark(good: false, "a smell");
        var stored = outputs.Items.OfType<PersistState>().Last().StateJson;
        outputs.Clear();
        Mark(good: false, "a smell");
        Assert.DoesNotContain(outputs.Items, output => output is PersistState);

        machine = new GpuMachine(Id, stored, GpuHealthPolicy.Default);
        machine.Handle(now, new Activated("silo"), outputs);
        now += TimeSpan.FromHours(1);
        machine.Handle(now, new DeadlinePassed(), outputs);
        Assert.Equal(("quarantined", "marked bad by ann: a smell"), (View().Health, View().Reason));
    }

    [Fact]
    public void A_burst_is_one_incident_and_what_follows_later_is_another()
    {
        Measure(Reading() with { Xids = [13, 13, 31, 92] });
        Measure(Reading() with { Xids = [13] });
        Assert.Single(Errors());
        now += TimeSpan.FromMinutes(4);
        Measure(Reading() with { Xids = [13] });
        Assert.Equal(2, Errors().Count());
    }

    [Fact]
    public void A_reboot_is_believed_when_the_host_has_booted()
    {
        Measure(Reading() with { Xids = [79] });
        Assert.Equal(("quarantined", "reboot-node"), (View().Health, View().Remedy));
        Attach(boot: 2);
        Measure(Reading());
        Assert.Equal("reboot-node", View().Remedy);
        Measure(Reading() with { HostBoot = "b2" });
        Assert.Equal(("probation", ""), (View().Health, View().Remedy));
    }

    [Fact]
    public void A_gpu_with_memory_errors_stays_out_until_they_are_gone()
    {
        Measure(Reading() with { UncorrectedEcc = 1 });
        Attach(boot: 2);
        Measure(Reading() with { UncorrectedEcc = 1 });
        Assert.Equal("quarantined", View().Health);
        Measure(Reading() with { UncorrectedEcc = 0 });
        Assert.Equal("probation", View().Health);
    }

    [Fact]
    public void An_error_that_comes_after_its_remedy_was_done_is_a_new_incident_however_soon_it_comes()
    {
        Measure(Reading() with { Xids = [46] });
        Attach(boot: 2);
        Measure(Reading());
        Assert.Equal("probation", View().Health);
        Measure(Reading() with { Xids = [46] });
        Assert.Equal("quarantined", View().Health);
        Assert.Equal(2, Errors().Count());
    }

    [Fact]
    public void A_gpu_that_is_out_is_not_taken_out_again_for_what_asks_for_the_same_remedy()
    {
        Measure(Reading() with { Xids = [46] });
        now += TimeSpan.FromMinutes(4);
        Measure(Reading() with { Xids = [46] });
        Assert.Single(Errors());
        Assert.Equal(1, View().Faults);
    }

    [Fact]
    public void A_gpu_is_healthy_again_when_it_was_woken_at_the_times_that_it_asked_for_and_asks_for_none_then()
    {
        Plan(generation: 1);
        Fault();
        Assert.Equal("quarantined", View().Health);
        for (var wakes = 0; wakes < 20 && machine.NextDeadline is { } at; wakes++)
        {
            now = at;
            Tell(new DeadlinePassed());
            Tell(new GpuConditionTaken(Reports().Last().Incarnation, Reports().Last().Number));
        }

        Assert.Equal("healthy", View().Health);
        Assert.Null(machine.NextDeadline);
    }

    [Fact]
    public void A_job_is_asked_to_let_go_until_it_does_also_by_a_grain_that_was_loaded_anew()
    {
        Plan(generation: 1);
        Measure(Reading() with { Xids = [46] });
        Assert.Single(Withdrawals());
        now += TimeSpan.FromSeconds(1);
        Tell(new DeadlinePassed());
        Assert.Equal(2, Withdrawals().Count());
        machine = new GpuMachine(Id, outputs.Items.OfType<PersistState>().Last().StateJson, GpuHealthPolicy.Default);
        Tell(new Activated("silo"));
        Assert.Equal("XID 46: drain-and-reset", Withdrawals().Last().Reason);
        Assert.Equal(3, Withdrawals().Count());
        Tell(new GpuOrdered(new ReleaseRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = 2, Gpu = Id }));
        now += TimeSpan.FromMinutes(1);
        Tell(new DeadlinePassed());
        Assert.Equal(3, Withdrawals().Count());
        Assert.Equal("quarantined", View().Health);
    }

    [Fact]
    public void An_older_process_says_nothing_of_the_gpu_any_more()
    {
        Attach(boot: 2);
        session = new WorkerSession(1, 9);
        Measure(Reading() with { Xids = [46] });
        Assert.Equal("healthy", View().Health);
    }

    [Fact]
    public void A_change_is_reported_until_the_cluster_has_that_very_report_durable()
    {
        Measure(Reading() with { Xids = [46] });
        var first = Reports().Single();
        Assert.Equal((false, true), (first.Schedulable, first.Watched));
        Wake();
        Tell(new GpuConditionTaken(first.Incarnation, first.Number + 1));
        Wake();
        Assert.Equal(3, Reports().Count());
        Tell(new GpuConditionTaken(first.Incarnation, first.Number));
        now += TimeSpan.FromMinutes(1);
        Tell(new DeadlinePassed());
        Assert.Equal(3, Reports().Count());

        // A later process shows it clean: that is another report.
        session = new WorkerSession(2, 1);
        Measure(Reading());
        Assert.Equal((true, true), (Reports().Last().Schedulable, Reports().Last().Watched));
        Assert.True(Reports().Last().Number > first.Number);
    }

    [Fact]
    public void A_quarantined_gpu_that_is_loaded_by_an_order_lets_it_go_no_further_and_says_how_it_is()
    {
        Measure(Reading() with { Xids = [46] });
        Load();
        Assert.True(Reports().Single().Incarnation > 1);
        Tell(new GpuConditionTaken(Reports().Single().Incarnation, Reports().Single().Number));
        outputs.Clear();

        Plan(generation: 7);
        Assert.DoesNotContain(outputs.Items.OfType<SendToWorker>(), send => send.Message is RankOrdered);
        Assert.False(Reports().Single().Schedulable);
    }

    [Fact]
    public void A_gpu_on_record_says_how_it_is_and_another_one_says_nothing()
    {
        Attach(boot: 2);
        Assert.Empty(Reports());
        Tell(new GpuAttached(session, new GpuDescription(0, "gpu", "class", "ilgpu:cuda:0")) { Watched = true });
        Assert.Equal((true, false), (Reports().Single().Schedulable, Reports().Single().Watched));
    }

    [Fact]
    public void A_state_out_of_the_ordinary_needs_waking_and_one_that_cannot_be_read_does_too()
    {
        Measure(Reading() with { Xids = [46] });
        Assert.True(GpuMachine.NeedsWaking(Id, Stored()));
        session = new WorkerSession(2, 1);
        Measure(Reading());
        Assert.True(GpuMachine.NeedsWaking(Id, Stored()));
        now += TimeSpan.FromMinutes(1);
        Tell(new DeadlinePassed());
        Assert.Equal("healthy", View().Health);
        Assert.False(GpuMachine.NeedsWaking(Id, Stored()));
        Assert.True(GpuMachine.NeedsWaking(Id, "{\"version\":999}"));
        Assert.True(GpuMachine.NeedsWaking(Id, "no state"));
    }

    private static GpuReading Reading() => new() { Index = 0, TemperatureC = 60, RecoveryAction = 0, HostBoot = "b1" };

    private void Attach(long boot)
    {
        session = new WorkerSession(boot, 1);
        Tell(new GpuAttached(session, new GpuDescription(0, "gpu", "class", "ilgpu:cuda:0")));
    }

    private void Plan(long generation)
    {
        Tell(new GpuOrdered(new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = generation, Gpu = Id }));
        Tell(new GpuOrdered(new RankPlan
        {
            Job = Job,
            Incarnation = 1,
            Timeline = 0,
            Generation = generation,
            Gpu = Id,
            Rank = 0,
            FirstStep = 1,
            FirstStepShards = [],
            CatchUp = CatchUp.Initialize,
        }));
    }

    private void Measure(GpuReading reading) => Tell(new GpuMeasured(session, reading));

    private void Wake()
    {
        now = machine.NextDeadline!.Value;
        Tell(new DeadlinePassed());
    }

    private void Load()
    {
        machine = new GpuMachine(Id, Stored(), GpuHealthPolicy.Default);
        outputs.Clear();
        Tell(new Activated("silo"));
    }

    private string Stored() => outputs.Items.OfType<PersistState>().Last().StateJson;

    private IEnumerable<GpuConditionReported> Reports() =>
        outputs.Items.OfType<SendToGrain>().Select(send => send.Message).OfType<GpuConditionReported>();

    private void Mark(bool good, string reason) => Tell(new GpuMarked(good, reason, "ann"));

    private void Fault() => Tell(new GpuFaultReported(session, "CUDA_ERROR_ILLEGAL_ADDRESS"));

    private void Tell(GrainMessage message) => machine.Handle(now, message, outputs);

    private GpuView View() => JsonSerializer.Deserialize(machine.Describe(now), MachinesJson.Default.GpuView)!;

    private IEnumerable<CoordinatorEvent> Errors() =>
        outputs.Items.OfType<ObserveEvent>().Select(output => output.Event).Where(observed => observed.Kind == EventKinds.GpuError);

    private IEnumerable<GpuWithdrawn> Withdrawals() =>
        outputs.Items.OfType<SendToGrain>().Select(send => send.Message).OfType<GpuWithdrawn>();
}
