using Coordinator.Machines;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

public sealed class StepReporterTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void Rank_0_reports_after_the_period_and_repeats_until_recorded()
    {
        var reporter = Reporter(rank: 0);
        Apply(reporter, 1, 3);
        Assert.Null(reporter.Due(Soon));
        Assert.Equal([1, 2, 3], Steps(reporter.Due(StepReporter.Period)));
        Assert.Null(reporter.Due(StepReporter.Period + Soon));
        Apply(reporter, 4, 4);
        Assert.Equal([1, 2, 3, 4], Steps(reporter.Due(2 * StepReporter.Period)));
        reporter.Recorded(0, 3);
        Assert.Equal([4], Steps(reporter.Due(3 * StepReporter.Period)));
        reporter.Recorded(0, 4);
        Assert.Null(reporter.NextDue);
        Assert.Null(reporter.Due(4 * StepReporter.Period));
    }

    [Fact]
    public void Many_steps_and_the_last_one_are_reported_at_once()
    {
        var reporter = Reporter(rank: 0, lastStep: 70);
        Apply(reporter, 1, StepReporter.EagerCount);
        Assert.Equal(StepReporter.EagerCount, reporter.Due(Soon)!.Steps.Count);
        Assert.Null(reporter.Due(Soon));
        Apply(reporter, StepReporter.EagerCount + 1, 70);
        Assert.Equal(70, reporter.Due(Soon)!.Steps.Count);
        Assert.Null(reporter.Due(Soon));
    }

    [Fact]
    public void A_long_backlog_goes_out_in_pieces_each_when_the_one_before_is_recorded()
    {
        var reporter = Reporter(rank: 0, lastStep: 2000);
        Apply(reporter, 1, 1500);
        var first = reporter.Due(Soon)!;
        Assert.Equal((1, StepReporter.MaxBatch), (first.Steps[0].Step, first.Steps.Count));
        Assert.Null(reporter.Due(Soon));
        reporter.Recorded(0, StepReporter.MaxBatch);
        Assert.Equal(StepReporter.MaxBatch + 1, reporter.Due(Soon)!.Steps[0].Step);
    }

    [Fact]
    public void Another_rank_reports_only_what_was_applied_before_the_generation()
    {
        var reporter = Reporter(rank: 1);
        Apply(reporter, 1, 5);
        Assert.Null(reporter.Due(TimeSpan.FromHours(1)));
        reporter.Suspend();
        Assert.Null(reporter.Due(TimeSpan.FromHours(1)));
        reporter.Begin(Plan(rank: 1, generation: 2, firstStep: 4, recorded: 1), TimeSpan.Zero);
        Assert.Equal([2, 3], Steps(reporter.Due(StepReporter.BacklogPeriod)));
        reporter.Recorded(0, 3);
        Assert.Null(reporter.NextDue);
    }

    [Fact]
    public void A_rank_0_that_came_anew_leaves_the_gap_to_the_others_for_a_while()
    {
        var reporter = new StepReporter(Sample.Job, 100);
        reporter.Begin(Plan(rank: 0, generation: 2, firstStep: 8, recorded: 5), TimeSpan.Zero);
        Apply(reporter, 8, 9);
        Assert.Null(reporter.Due(StepReporter.Period));
        Assert.Equal([8, 9], Steps(reporter.Due(StepReporter.GapPatience + StepReporter.Period)));
    }

    [Fact]
    public void A_new_timeline_forgets_the_old_ones_steps()
    {
        var reporter = Reporter(rank: 0);
        Apply(reporter, 1, 3);
        reporter.Begin(Plan(rank: 0, generation: 2, firstStep: 1, recorded: 0) with { Timeline = 1 }, TimeSpan.Zero);
        Assert.Null(reporter.Due(TimeSpan.FromHours(1)));
        reporter.Recorded(0, 3);
        Apply(reporter, 1, 1);
        Assert.Equal([1], Steps(reporter.Due(TimeSpan.FromHours(1))));
    }

    [Fact]
    public void What_an_older_timeline_left_is_said_with_an_answer_of_that_timeline_until_a_step_of_the_newer_one_is_applied()
    {
        var reporter = Reporter(rank: 0);
        Apply(reporter, 1, 3);
        reporter.Begin(Plan(rank: 0, generation: 2, firstStep: 1, recorded: 0) with { Timeline = 1 }, TimeSpan.Zero);
        Assert.Null(reporter.Due(TimeSpan.FromHours(1)));
        var answer = new RankState
        {
            Job = Sample.Job,
            Generation = 3,
            Gpu = Sample.Gpu("a"),
            Boot = 1,
            HasState = true,
            Timeline = 0,
            Applied = 3,
            StateBlocks = 1,
            Reduced = [],
            Held = [],
            Assigned = [],
        };
        Assert.Equal([1, 2, 3], Steps(reporter.BeforeAnswer(answer)));
        Assert.Equal(0, reporter.BeforeAnswer(answer)!.Timeline);
        reporter.Recorded(0, 2);
        Assert.Equal([3], Steps(reporter.BeforeAnswer(answer)));
        reporter.Applied(new StepRecord(1, 2, 0, 0, 0, 0));
        Assert.Null(reporter.BeforeAnswer(answer));
        Assert.Equal([1], Steps(reporter.Due(TimeSpan.FromHours(1))));
    }

    private static StepReporter Reporter(int rank, long lastStep = 1000)
    {
        var reporter = new StepReporter(Sample.Job, lastStep);
        reporter.Begin(Plan(rank, generation: 1, firstStep: 1, recorded: 0), TimeSpan.Zero);
        return reporter;
    }

    private static RankPlan Plan(int rank, long generation, long firstStep, long recorded) => new()
    {
        Job = Sample.Job,
        Incarnation = 1,
        Timeline = 0,
        Generation = generation,
        Gpu = Sample.Gpu("a"),
        Rank = rank,
        FirstStep = firstStep,
        FirstStepShards = [],
        CatchUp = CatchUp.None,
        RecordedThrough = recorded,
    };

    private static void Apply(StepReporter reporter, long from, long to)
    {
        for (var step = from; step <= to; step++)
            reporter.Applied(new StepRecord(step, 1, 0, 0, 0, 0));
    }

    private static IEnumerable<int> Steps(StepsApplied? report) => report?.Steps.Select(step => (int)step.Step) ?? [];
}
