using Coordinator.Machines;
using Coordinator.Machines.Gangs.Policies;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>Who is to blame when all processes of a gang end within moments.</summary>
public sealed class FirstCauseTests
{
    [Fact]
    public void Nobody_is_to_blame_where_all_ended_well_or_were_asked_to() =>
        Assert.Null(FirstCause.Of([End(0, 0, new GangExit(0, null, 0)), End(1, 5, new GangExit(null, 15, 0) { Asked = true })]));

    [Fact]
    public void The_one_that_was_killed_is_to_blame_and_not_those_that_lost_their_peer_though_they_were_heard_of_first()
    {
        var (first, followed) = FirstCause.Of(
        [
            End(0, 1.0, Failed("RuntimeError: [gloo/transport/tcp/pair.cc] Connection closed by peer [10.0.0.2]")),
            End(1, 1.2, Failed("torch.distributed.DistBackendError: Broken pipe")),
            End(2, 1.4, new GangExit(null, 9, 0)),
        ])!.Value;

        Assert.Equal(2, first.Rank);
        Assert.Equal([0, 1], followed);
    }

    [Fact]
    public void One_that_says_why_comes_before_one_that_says_that_it_lost_its_peer_even_where_only_the_error_file_says_so()
    {
        var (first, _) = FirstCause.Of(
            [End(0, 1.0, Failed() with { Error = "Connection reset by peer" }), End(1, 1.3, Failed("ValueError: bad sample"))])!.Value;

        Assert.Equal(1, first.Rank);
    }

    [Fact]
    public void Whoever_failed_a_good_while_before_the_others_is_to_blame_whatever_he_says()
    {
        var (first, _) = FirstCause.Of([End(3, 1.0, Failed("Connection refused")), End(1, 4.0, new GangExit(null, 11, 0))])!.Value;

        Assert.Equal(3, first.Rank);
    }

    [Fact]
    public void A_process_that_hung_and_was_killed_for_it_is_to_blame_though_its_agent_ended_it()
    {
        var (first, _) = FirstCause.Of(
            [End(1, 1.0, new GangExit(null, 9, 0) { Hung = true }), End(0, 1.5, Failed("Connection closed by peer"))])!.Value;

        Assert.Equal(1, first.Rank);
    }

    [Fact]
    public void Whoever_met_a_stranger_at_the_port_of_rank_0_is_less_to_blame_than_rank_0_which_did_not_get_it()
    {
        var (first, _) = FirstCause.Of(
        [
            End(1, 1.0, Failed("ValueError: the store answers HTTP/1.1 400 Bad Request")),
            End(2, 1.1, new GangExit(null, 6, 0)),
            End(0, 1.6, Failed("EADDRINUSE") with { PortTaken = true }),
        ])!.Value;

        Assert.Equal(0, first.Rank);
    }

    [Fact]
    public void Equal_evidence_is_decided_by_time_and_then_by_rank()
    {
        Assert.Equal(1, FirstCause.Of([End(0, 1.1, Failed("a")), End(1, 1.0, Failed("b"))])!.Value.First.Rank);
        Assert.Equal(0, FirstCause.Of([End(1, 1.0, Failed("b")), End(0, 1.0, Failed("a"))])!.Value.First.Rank);
    }

    private static GangExit Failed(params string[] lines) => new(1, null, 0) { LastLines = lines };

    private static FirstCause.End End(int rank, double at, GangExit exit) =>
        new(rank, new NodeId($"n{rank}"), 0, TimeSpan.FromSeconds(at), exit);
}
