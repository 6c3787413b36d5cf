using Coordinator.Machines;
using Coordinator.Tests.Support;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Worker;

public sealed class FaultPlanTests
{
    [Theory]
    [InlineData("kill@collective:37", FaultAction.Kill, FaultPoint.Collective, 37)]
    [InlineData("kill@prepare:3", FaultAction.Kill, FaultPoint.Prepare, 3)]
    [InlineData("kill@final", FaultAction.Kill, FaultPoint.Final, 0)]
    [InlineData("flip@contribution:2", FaultAction.Flip, FaultPoint.Contribution, 2)]
    [InlineData("lose@compute:37", FaultAction.Lose, FaultPoint.Compute, 37)]
    [InlineData("lose@apply:2", FaultAction.Lose, FaultPoint.Apply, 2)]
    [InlineData("hang@compute:2", FaultAction.Hang, FaultPoint.Compute, 2)]
    [InlineData("hang@apply:2", FaultAction.Hang, FaultPoint.Apply, 2)]
    [InlineData("freeze@compute:37:5s", FaultAction.Freeze, FaultPoint.Compute, 37)]
    public void Rules_are_read(string text, FaultAction action, FaultPoint point, long number)
    {
        var rule = FaultRule.Parse(text);
        Assert.Equal((action, point, number), (rule.Action, rule.Point, rule.Number));
        Assert.Equal(TimeSpan.FromSeconds(action == FaultAction.Freeze ? 5 : 0), rule.Duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("kill")]
    [InlineData("kill@nowhere:1")]
    [InlineData("hang@save:1")]
    [InlineData("kill@compute")]
    [InlineData("kill@compute:0")]
    [InlineData("kill@compute:x")]
    [InlineData("kill@final:1")]
    [InlineData("flip@compute:1")]
    [InlineData("freeze@compute:1")]
    [InlineData("lose@collective:1")]
    [InlineData("hold@compute:1")]
    [InlineData("hold@compute:1:")]
    [InlineData("hold@apply:1:/tmp/x")]
    [InlineData("0@compute:1")]
    public void Anything_else_is_refused(string text) => Assert.Throws<FormatException>(() => FaultRule.Parse(text));

    [Fact]
    public async Task A_hold_lets_no_step_begin_before_its_file_is_there_and_gives_way_to_a_cancellation()
    {
        using var folder = new TemporaryFolder();
        var plan = FaultPlan.Parse([$"hold@compute:3:{folder.File("go:on")}"]);
        plan.Computing(2);
        using var unwanted = new CancellationTokenSource();
        var held = Task.Run(() => plan.Computing(3, unwanted.Token));
        await unwanted.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held.For("the end of the hold"));

        held = Task.Run(() => plan.Computing(4));
        folder.Write("go:on", "");
        await held.For("the end of the hold");
        Assert.True(plan.IsEmpty);
    }

    [Fact]
    public void A_fault_strikes_once_at_or_after_its_step()
    {
        var struck = new List<FaultRule>();
        var plan = new FaultPlan([FaultRule.Parse("kill@compute:3"), FaultRule.Parse("kill@collective:4")], struck.Add);
        plan.Computing(2);
        Assert.Empty(struck);
        plan.Computing(5);
        plan.Computing(6);
        Assert.Single(struck);
        plan.FrameSent(Sample.Frame(0, 1, kind: FrameKind.Reduced) with { Step = 9 });
        plan.FrameSent(Sample.Frame(0, 1, kind: FrameKind.Contribution) with { Step = 9 });
        Assert.Equal(2, struck.Count);
        Assert.True(plan.IsEmpty);
    }

    [Fact]
    public void Recoveries_are_counted_by_generation()
    {
        var struck = new List<FaultRule>();
        var plan = new FaultPlan([FaultRule.Parse("kill@prepare:2")], struck.Add);
        foreach (var generation in (long[])[1, 2, 2, 2])
            plan.MessageSent(Answer(generation));
        Assert.Empty(struck);
        plan.MessageSent(Answer(3));
        Assert.Single(struck);
    }

    private static RankState Answer(long generation) => new()
    {
        Job = Sample.Job,
        Generation = generation,
        Gpu = Sample.Gpu("a"),
        Boot = 1,
        HasState = false,
        Timeline = 0,
        Applied = 0,
    };

    [Theory]
    [InlineData("kill@collective:37")]
    [InlineData("freeze@save:300:3s")]
    [InlineData("hold@compute:38:/tmp/go on")]
    public void A_fault_that_a_worker_announces_is_the_one_that_it_was_given(string rule)
    {
        var planned = FaultRule.Parse(rule);

        Assert.Equal(["--fault", rule], planned.Arguments);
        Assert.Equal(planned, FaultRule.Announced(planned.Announcement));
    }

    [Theory]
    [InlineData("ready")]
    [InlineData("fault tolerance is on")]
    [InlineData("kill@collective:37")]
    public void Any_other_line_of_a_worker_announces_none(string line) => Assert.Null(FaultRule.Announced(line));
}
