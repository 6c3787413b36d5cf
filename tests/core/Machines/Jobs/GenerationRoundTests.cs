using Coordinator.Machines;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>A member is asked until it has answered, with no more of the membership than its node lacks.</summary>
public sealed class GenerationRoundTests
{
    private readonly JobTurns turns = new(members: 3);
    private readonly GenerationRound round;

    public GenerationRoundTests()
    {
        round = new GenerationRound(turns.Context, turns.Links, turns.Records, new AskTimer(turns.Context));
        round.Delivery.Announce(previous: 2, [], [JobTurns.MemberOn(3)], new HashSet<GpuId> { JobTurns.Gpu(3) });
    }

    [Fact]
    public void All_are_asked_and_then_those_that_have_not_answered_later_each_time()
    {
        round.Begin();
        Assert.Equal(["n1", "n2", "n3"], Asked);
        Assert.True(round.Add(JobTurns.Answer(1, 7)));
        Assert.False(round.Add(JobTurns.Answer(1, 8)));
        Assert.Equal(["n2", "n3"], AskedAfter(0.2));
        Assert.Empty(AskedAfter(0.2));
        Assert.Equal(["n2", "n3"], AskedAfter(0.2));
    }

    [Fact]
    public void It_is_complete_when_all_have_answered_and_closed_when_it_is_over()
    {
        Assert.False(round.IsOpen || round.IsComplete);
        round.Begin();
        foreach (var node in new[] { 1, 2, 3 })
            round.Add(JobTurns.Answer(node, 7));
        Assert.True(round.IsOpen && round.IsComplete);
        round.Close();
        Assert.False(round.IsOpen || round.IsComplete);
        Assert.Empty(round.Answers);
    }

    [Fact]
    public void A_node_that_knows_the_generation_before_gets_the_change_a_newcomer_the_whole_and_nobody_either_twice()
    {
        round.Delivery.NoteKnown(JobTurns.Node(1), 2);
        round.Delivery.NoteKnown(JobTurns.Node(3), 2);
        round.Begin();
        Assert.Equal([2L, 0L, 0L], turns.Orders.Select(sent => sent.Orders.Change!.FromGeneration));
        Assert.NotEmpty(AskedAfter(0.2));
        Assert.All(turns.Orders, sent => Assert.Null(sent.Orders.Change));
        turns.BeginSeconds(0);
        round.Delivery.NoteUnknown(JobTurns.Node(1));
        round.AskAgain(JobTurns.Node(1));
        Assert.Equal(0, Assert.Single(turns.Orders).Orders.Change!.FromGeneration);
    }

    [Fact]
    public void A_member_whose_connection_has_ended_has_little_time_and_one_that_is_only_silent_the_answer_timeout()
    {
        round.Begin();
        var ended = new NodeLink(JobTurns.Session(), Connected: false, Silent: false, turns.Context.Now);
        Assert.Equal(TimeSpan.FromMilliseconds(150), round.DueBy(ended) - turns.Context.Now);
        var timeout = turns.Context.State.Spec.FaultTolerance.AnswerTimeout;
        Assert.Equal(timeout + JobPace.Arrival(3), round.DueBy(ended with { Silent = true }) - turns.Context.Now);
    }

    [Fact]
    public void A_record_is_complete_when_nobody_has_applied_more_and_waited_for_while_those_who_have_can_be_reached()
    {
        turns.Connect(2);
        round.Begin();
        foreach (var node in new[] { 1, 2, 3 })
            round.Add(JobTurns.Answer(node, node == 2 ? 8 : 7));
        Assert.True(round.IsRecordComplete(timeline: 0, through: 8));
        Assert.False(round.IsRecordComplete(timeline: 0, through: 7));
        turns.BeginSeconds(0);
        round.AskForMore(JobTurns.Node(2), timeline: 0, through: 7);
        Assert.Equal(["n2"], Asked);
        turns.BeginSeconds(60);
        Assert.True(round.IsRecordComplete(timeline: 0, through: 7));
    }

    private IEnumerable<string> Asked => turns.Orders.Where(sent => sent.Orders.Orders is [PrepareRank]).Select(sent => sent.To);

    private IEnumerable<string> AskedAfter(double seconds)
    {
        turns.BeginSeconds(seconds);
        round.RepeatIfDue();
        return Asked;
    }
}
