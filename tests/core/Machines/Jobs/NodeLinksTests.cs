using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>
/// A node's own word counts at once; indirect evidence neither takes it back soon nor proves that a connection has ended.
/// </summary>
public sealed class NodeLinksTests
{
    private static readonly TimeSpan Now = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MayBeOld = TimeSpan.FromSeconds(1);

    private readonly NodeLinks links = new();

    [Fact]
    public void Indirect_evidence_raises_a_link_that_is_down_only_after_a_while()
    {
        links.Note(JobTurns.Node(1), JobTurns.Session(), connected: false, silent: false, Now);
        Assert.Null(links.NoteIndirect(JobTurns.Node(1), JobTurns.Session(), connected: true, Now, MayBeOld));
        Assert.False(links.IsConnected(JobTurns.Node(1)));
        Assert.NotNull(links.NoteIndirect(JobTurns.Node(1), JobTurns.Session(), connected: true, Now + MayBeOld, MayBeOld));
        Assert.True(links.IsConnected(JobTurns.Node(1)));
    }

    [Fact]
    public void Indirect_evidence_that_a_link_is_down_says_no_more_than_that_it_is_silent()
    {
        var link = links.NoteIndirect(JobTurns.Node(1), JobTurns.Session(), connected: false, Now, MayBeOld);
        Assert.True(link!.Silent);
        Assert.False(links.Note(JobTurns.Node(1), JobTurns.Session(), connected: false, silent: false, Now)!.Silent);
    }

    [Fact]
    public void The_word_of_an_earlier_process_is_no_news_and_a_later_one_replaces_it()
    {
        links.Note(JobTurns.Node(1), JobTurns.Session(boot: 6), connected: true, silent: false, Now);
        Assert.Null(links.Note(JobTurns.Node(1), JobTurns.Session(boot: 5), connected: false, silent: false, Now));
        Assert.True(links.IsReplaced(JobTurns.Node(1), boot: 5));
        Assert.False(links.IsReachable(JobTurns.MemberOn(1)));
        Assert.False(links.MayReach(JobTurns.OfferOf(1)));
    }

    [Fact]
    public void A_node_of_which_nothing_is_known_may_hear_and_is_not_reachable()
    {
        Assert.True(links.MayHear(JobTurns.Node(1)));
        Assert.False(links.IsReachable(JobTurns.MemberOn(1)));
        Assert.Equal([null, null], links.With([JobTurns.MemberOn(1), JobTurns.MemberOn(2)]).Select(pair => pair.Link));
    }
}
