using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A rank accuses each peer that it loses, and each once: a second loss of the same one is no news.</summary>
public sealed class RankAccusationTests
{
    private readonly RankAlone rank = new() { Others = 2 };

    [Fact]
    public void A_peer_that_is_lost_twice_is_accused_once_and_another_one_besides()
    {
        rank.Prepare(1);
        Lose(2, Evidence.Invalid);
        Lose(2, Evidence.ConnectionClosed);
        Lose(3, Evidence.ConnectionClosed);
        Assert.Equal([new NodeId("n2"), new NodeId("n3")], rank.Said.OfType<PeerAccused>().Select(said => said.Accused));
    }

    private void Lose(int node, Evidence evidence) => rank.Hand(new PeerLost(new NodeId($"n{node}"), 1, evidence, "it is gone"));
}
