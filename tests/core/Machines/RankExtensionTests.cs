using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A rank ends at the last step that its plan names, and what it knew of an earlier end counts no more.</summary>
public sealed class RankExtensionTests
{
    private readonly RankAlone rank = new(steps: 3);

    [Fact]
    public void A_finished_rank_goes_on_under_a_plan_with_more_steps_and_says_the_hash_of_the_new_last_one()
    {
        rank.TrainTo(3);
        rank.Hashed("of step 3");
        Assert.Equal((3L, "of step 3"), End());
        GoOnTo(5);
        Assert.Equal((3L, "of step 3"), End());
        rank.Hashed("of step 5");
        Assert.Equal((5L, "of step 5"), End());
    }

    [Fact]
    public void A_hash_that_comes_when_the_rank_has_gone_on_is_nobodys()
    {
        rank.TrainTo(3);
        var early = rank.Last<HashState>().Ticket;
        GoOnTo(5);
        Assert.NotEqual(early, rank.Last<HashState>().Ticket);
        rank.Hand(new StateHashed(early, "of step 3"));
        Assert.DoesNotContain(rank.Said, said => said is RankFinished);
        rank.Hashed("of step 5");
        Assert.Equal((5L, "of step 5"), End());
    }

    [Fact]
    public void Rank_0_stores_the_model_at_the_end_and_again_until_it_is_let_go()
    {
        rank.TrainTo(3);
        rank.Hashed("of step 3");
        Assert.Equal([3L], Stored());
        rank.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal([3L, 3L], Stored());

        rank.Release(1, forget: true);
        rank.Wait(TimeSpan.FromSeconds(10));
        Assert.Equal([3L, 3L], Stored());
    }

    [Fact]
    public void A_frame_behind_the_last_step_is_no_correct_peers()
    {
        rank.Others = 1;
        rank.Prepare(1);
        rank.Plan(1, CatchUp.Initialize, 1, lastStep: 1);
        rank.Initialized();
        rank.Hand(new FrameArrived(Ready(step: 1), 0));
        Assert.DoesNotContain(rank.Said, said => said is PeerAccused);
        rank.Hand(new FrameArrived(Ready(step: 2), 0));
        Assert.Contains(rank.Said, said => said is PeerAccused { Evidence: Evidence.Invalid });
    }

    private static FrameHeader Ready(long step) =>
        new()
        {
            Kind = FrameKind.Ready,
            JobTag = RankMachine.TagOf(RankAlone.Job),
            Incarnation = 1,
            Timeline = 0,
            Generation = 1,
            From = 1,
            To = 0,
            Step = step,
        };

    private void GoOnTo(long last)
    {
        rank.Prepare(2, recorded: 3);
        rank.Plan(2, CatchUp.None, 4, lastStep: last);
        while (rank.Machine.Applied < last)
        {
            rank.ComputeStep();
            rank.Applied();
        }
    }

    private IEnumerable<long> Stored() => rank.Done.OfType<StoreModel>().Select(stored => stored.Step);

    private (long Step, string Sha256) End() => rank.Said.OfType<RankFinished>().Select(said => (said.Step, said.StateSha256)).Last();
}
