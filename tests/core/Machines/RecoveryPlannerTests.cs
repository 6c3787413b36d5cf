using Coordinator.Machines;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

public sealed class RecoveryPlannerTests
{
    private const int Shards = 8;
    private const long Steps = 100;

    private static RankState State(
        int index,
        long applied,
        bool hasState = true,
        TagRun[]? reduced = null,
        Subtree[]? held = null,
        ShardSpan[]? assigned = null,
        int timeline = 0) => new()
        {
            Job = new JobId("j"),
            Generation = 5,
            Gpu = new GpuId(new NodeId($"n{index}"), 0),
            Boot = 1,
            HasState = hasState,
            Timeline = timeline,
            Applied = applied,
            StateBlocks = 6,
            Reduced = reduced ?? [],
            Held = held ?? [],
            Assigned = assigned ?? [],
        };

    private static RecoveryDecision? Plan(params RankState[] states) => RecoveryPlanner.Plan(states, Shards, Steps, 0, recorded: 9);

    private static string Ways(RecoveryDecision decision) => string.Join(' ', decision.Members.Select(member => member.Way));

    private static string Runs(RecoveryDecision decision) =>
        string.Join(' ', decision.FirstStepShards.Select(run => $"{run.Rank}:{run.Start}+{run.Count}"));

    [Fact]
    public void A_job_that_has_not_begun_initialises_everywhere_and_cuts_evenly()
    {
        var decision = RecoveryPlanner.Plan([State(0, 0, false), State(1, 0, false)], Shards, Steps, 0, recorded: 0)!;
        Assert.Equal(0, decision.Target);
        Assert.Equal("Initialize Initialize", Ways(decision));
        Assert.Equal("0:0+4 1:4+4", Runs(decision));
    }

    [Fact]
    public void A_job_that_has_begun_and_whose_state_nobody_holds_has_no_plan() =>
        Assert.Null(Plan(State(0, 0, false), State(1, 0, false)));

    [Fact]
    public void State_of_another_timeline_counts_for_nothing() => Assert.Null(Plan(State(0, 7, timeline: 1)));

    [Fact]
    public void Survivors_keep_what_they_hold_and_were_computing_and_the_rest_is_assigned()
    {
        var decision = Plan(
            State(0, 10, held: [new(0, 2)], assigned: [new(0, 3)]),
            State(1, 10, held: [new(3, 1), new(4, 1)], assigned: [new(3, 3)]))!;
        Assert.Equal(10, decision.Target);
        Assert.Equal("None None", Ways(decision));
        Assert.Equal(4, decision.HeldShards);
        Assert.Equal("0:0+3 1:3+3 0:6+1 1:7+1", Runs(decision));
    }

    [Fact]
    public void A_rank_one_step_behind_computes_as_many_shards_in_the_next_step_as_in_this()
    {
        // By load alone shard 4 would go to rank 0.
        var decision = Plan(State(0, 11, assigned: [new(5, 3)]), State(1, 10, reduced: [new(0, 4, 11)], assigned: [new(0, 5)]))!;
        Assert.Equal("None ApplyReduced", Ways(decision));
        Assert.Equal("1:0+5 0:5+3", Runs(decision));
    }

    [Fact]
    public void The_target_is_a_step_that_one_member_holds_the_whole_reduced_gradient_of()
    {
        var decision = Plan(State(0, 10, reduced: [new(0, 4, 11)]), State(1, 10, reduced: [new(0, 2, 11), new(2, 2, 10)]))!;
        Assert.Equal(11, decision.Target);
        Assert.Equal("ApplyReduced FetchReduced", Ways(decision));
        Assert.Equal([new DonorRun(0, 2, 2)], decision.Members[1].Donors);
    }

    [Fact]
    public void A_step_that_no_single_member_holds_whole_is_computed_again()
    {
        var decision = Plan(State(0, 10, reduced: [new(0, 2, 11), new(2, 2, 10)]), State(1, 10, reduced: [new(0, 2, 10), new(2, 2, 11)]))!;
        Assert.Equal(10, decision.Target);
        Assert.Equal("None None", Ways(decision));
    }

    [Fact]
    public void One_behind_fetches_the_state_where_the_step_between_is_no_longer_held_everywhere()
    {
        // Rank 1 was left out for a while: rank 0 has begun to overwrite step 11 by step 12.
        var decision = Plan(State(0, 11, reduced: [new(0, 1, 12), new(1, 3, 11)]), State(1, 10, reduced: [new(0, 4, 10)]))!;
        Assert.Equal("None FetchState", Ways(decision));
        Assert.Equal([new DonorRun(0, 0, 6)], decision.Members[1].Donors);
    }

    [Fact]
    public void Newcomers_fetch_from_several_survivors()
    {
        var decision = Plan(State(0, 10), State(1, 10), State(2, 0, false), State(3, 3))!;
        Assert.Equal("None None FetchState FetchState", Ways(decision));
        Assert.Equal([new DonorRun(0, 0, 3), new DonorRun(1, 3, 3)], decision.Members[2].Donors);
        Assert.Equal([new DonorRun(0, 0, 3), new DonorRun(1, 3, 3)], decision.Members[3].Donors);
    }

    [Fact]
    public void Newcomers_whose_state_is_one_block_fetch_it_from_different_survivors()
    {
        RankState[] newcomers = [State(2, 0, false) with { StateBlocks = 1 }, State(3, 0, false) with { StateBlocks = 1 }];
        var decision = Plan([State(0, 10), State(1, 10), .. newcomers])!;
        Assert.Equal([new DonorRun(0, 0, 1)], decision.Members[2].Donors);
        Assert.Equal([new DonorRun(1, 0, 1)], decision.Members[3].Donors);
    }

    [Fact]
    public void After_the_last_step_nothing_is_assigned()
    {
        var decision = Plan(State(0, 100), State(1, 99, reduced: [new(0, 4, 99)]))!;
        Assert.Equal(100, decision.Target);
        Assert.Empty(decision.FirstStepShards);
        Assert.Equal("None FetchState", Ways(decision));
    }

    [Fact]
    public void Two_that_hold_the_same_shard_do_not_both_contribute_it()
    {
        var decision = Plan(State(0, 10, held: [new(2, 1)]), State(1, 10, held: [new(0, 4)]))!;
        Assert.Equal("1:0+4 0:4+2 1:6+2", Runs(decision));
    }

    [Fact]
    public void Partial_sums_of_a_rank_that_catches_up_count_for_nothing()
    {
        var decision = Plan(State(0, 11), State(1, 10, held: [new(0, 8)], reduced: [new(0, 4, 10)]))!;
        Assert.Equal(0, decision.HeldShards);
    }
}
