using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>A state is whole when every block has come; who asks for one that is not there yet waits.</summary>
public sealed class StateTransferTests
{
    private readonly RankTurns turns = new(ranks: 3);
    private readonly StateTransfer transfer;

    public StateTransferTests() => transfer = new StateTransfer(turns.Context);

    [Fact]
    public void Donors_are_asked_for_their_blocks_and_each_block_counts_once()
    {
        transfer.Begin(step: 7, [new DonorRun(1, 0, 2), new DonorRun(2, 2, 1)]);
        Assert.Equal([(1, 0), (2, 2)], turns.Sent(FrameKind.StateRequest));
        Assert.True(transfer.IsFetching && transfer.IsUntouched);
        Assert.False(transfer.Add(2));
        Assert.False(transfer.IsUntouched || transfer.Lacks(2) || transfer.Lacks(3));
        Assert.False(transfer.Add(0));
        Assert.True(transfer.Add(1));
        Assert.False(transfer.IsFetching);
    }

    [Fact]
    public void A_request_that_waits_is_taken_once_and_served_with_the_blocks_that_there_are()
    {
        transfer.Postpone(turns.Context.Header(FrameKind.StateRequest, to: 0, step: 7) with { From = 2, Block = 1, Count = 9 });
        transfer.Serve(Assert.Single(transfer.TakeRequests()));
        Assert.Equal([(2, 1), (2, 2)], turns.Sent(FrameKind.State));
        Assert.Empty(transfer.TakeRequests());
    }

    [Fact]
    public void A_generation_forgets_what_was_fetched_and_who_asked()
    {
        transfer.Begin(step: 7, []);
        transfer.Postpone(turns.Context.Header(FrameKind.StateRequest, to: 0, step: 7));
        transfer.Clear();
        Assert.False(transfer.IsFetching);
        Assert.Empty(transfer.TakeRequests());
    }
}
