using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>
/// Who wants to go goes when nothing is lost by it: one that can be reached stays where nobody else would have the state.
/// </summary>
public sealed class DeparturesTests
{
    private readonly JobTurns turns = new(members: 3);
    private readonly Departures departures;

    public DeparturesTests() => departures = new Departures(turns.Context, turns.Links);

    [Fact]
    public void Members_that_want_to_go_go_and_the_others_stay()
    {
        Assert.True(departures.Add(JobTurns.Gpu(2), "asked to end", LeaveCause.Ending));
        Assert.False(departures.Add(JobTurns.Gpu(2), "again", LeaveCause.Ending));
        Assert.Equal([JobTurns.Gpu(2)], departures.Departing([]));
    }

    [Fact]
    public void Where_all_want_to_go_one_that_can_be_reached_stays()
    {
        turns.Connect(2);
        foreach (var node in new[] { 1, 2, 3 })
            departures.Add(JobTurns.Gpu(node), "asked to end", LeaveCause.Ending);
        Assert.Equal([JobTurns.Gpu(1), JobTurns.Gpu(3)], departures.Departing([]).Order());
    }

    [Fact]
    public void The_word_of_a_process_that_has_ended_says_nothing_of_its_successor()
    {
        turns.Connect(1, boot: 6);
        Assert.False(departures.AddEnding(JobTurns.Gpu(1), JobTurns.Session(boot: 5), "asked to end"));
        Assert.True(departures.AddEnding(JobTurns.Gpu(1), JobTurns.Session(boot: 6), "asked to end"));
        Assert.True(departures.IsEnding(JobTurns.OfferOf(1, boot: 6)));
        departures.ForgetEnding(JobTurns.Node(1), boot: 7);
        Assert.False(departures.IsEnding(JobTurns.Gpu(1)));
    }

    [Fact]
    public void A_member_that_is_no_longer_wanted_back_stays()
    {
        departures.NoteGivingBack(JobTurns.Gpu(1));
        departures.Add(JobTurns.Gpu(1), "power", LeaveCause.GivenBack);
        departures.StayWhereAllowed(new Dictionary<Coordinator.Machines.GpuId, Coordinator.Machines.GpuOffer>
        {
            [JobTurns.Gpu(1)] = JobTurns.OfferOf(1),
        });
        Assert.False(departures.IsLeaving(JobTurns.Gpu(1)));
    }

    [Fact]
    public void The_only_rank_of_a_job_of_one_has_room_beside_it_while_it_leaves()
    {
        var alone = new JobTurns(members: 1);
        var going = new Departures(alone.Context, alone.Links);
        Assert.Equal(1, going.RoomFor(alone.Context.State.Members, isParked: false));
        going.Add(JobTurns.Gpu(1), "asked to end", LeaveCause.Ending);
        Assert.Equal(2, going.RoomFor(alone.Context.State.Members, isParked: false));
        Assert.Equal(1, going.RoomFor(alone.Context.State.Members, isParked: true));
    }
}
