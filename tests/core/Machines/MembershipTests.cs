using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class MembershipTests
{
    private static readonly JobId Job = new("j");

    private static Member Of(string node, long boot = 1) => new(new GpuId(new NodeId(node), 0), $"{node}:1", boot);

    private static MembershipChange Change(Membership from, long to, GpuId[] removed, Member[] added) => new()
    {
        Job = Job,
        Incarnation = 1,
        FromGeneration = from.Generation,
        ToGeneration = to,
        Removed = removed,
        Added = added,
        Hash = from.Apply(to, removed, added).Hash,
        Key = "",
    };

    [Fact]
    public void A_change_leads_reader_and_writer_to_the_same_members_and_hash()
    {
        var first = Membership.None(Job).Apply(1, [], [Of("b"), Of("a")]);
        var change = Change(first, 2, [Of("a").Gpu], [Of("c")]);
        var next = first.After(change)!;
        Assert.Equal(["b/0", "c/0"], next.Members.Select(member => member.Gpu.ToString()));
        Assert.Equal(change.Hash, next.Hash);
        Assert.Equal(1, next.RankOf(Of("c").Gpu));
        Assert.Equal(-1, next.RankOf(Of("a").Gpu));
    }

    [Fact]
    public void A_change_from_another_generation_is_refused()
    {
        var first = Membership.None(Job).Apply(1, [], [Of("a")]);
        var second = first.Apply(2, [], [Of("b")]);
        Assert.Null(first.After(Change(second, 3, [], [Of("c")])));
    }

    [Fact]
    public void A_change_whose_hash_does_not_follow_is_refused()
    {
        var first = Membership.None(Job).Apply(1, [], [Of("a")]);
        Assert.Null(first.After(Change(first, 2, [], [Of("b")]) with { Added = [Of("b", boot: 2)] }));
    }

    [Fact]
    public void A_member_that_came_back_as_another_process_replaces_itself()
    {
        var next = Membership.None(Job).Apply(1, [], [Of("a"), Of("b")]).Apply(2, [], [Of("a", boot: 9)]);
        Assert.Equal([9L, 1L], next.Members.Select(member => member.Boot));
    }

    [Fact]
    public void Gpus_are_sorted_by_node_and_then_by_number()
    {
        var ids = new[] { "n2/0", "n1/10", "n1/9" }.Select(GpuId.Parse).Order();
        Assert.Equal(["n1/9", "n1/10", "n2/0"], ids.Select(id => id.ToString()));
    }
}
