using System.Text.Json;
using Coordinator.Lab.Swarm;
using Coordinator.Machines;

namespace Coordinator.Tests.Swarm;

/// <summary>What an agent reads of a membership without making objects of its members is what it would have with them.</summary>
public sealed class AgentFramesTests
{
    private static readonly JobId Job = new("job-1");
    private static readonly SwarmShape Shape = new(Nodes: 400, GpusPerNode: 3, RankGpus: 2);

    [Fact]
    public void A_whole_membership_read_as_bits_is_the_one_read_as_members()
    {
        var members = Enumerable.Range(0, 400).Where(node => node % 50 != 7)
            .SelectMany(node => Enumerable.Range(node == 30 ? 1 : 0, node == 90 ? 3 : 2).Select(
                index => new Member(new GpuId(Shape.NameOf(node), index % 3), $"{Shape.NameOf(node)}:7000", node * 37 % 100))).ToArray();
        var whole = Change(0, 1, [], members);
        var (lean, full) = (new AgentMembership(Shape, Job), new AgentMembership(Shape, Job));
        Assert.True(lean.Take(Read(whole)));
        Assert.True(full.Take(whole));
        Assert.Equal(members.Length, lean.Count);
        Assert.Equal((full.Generation, full.Hash, full.Count), (lean.Generation, lean.Hash, lean.Count));
        foreach (var gpu in Enumerable.Range(0, 1200).Select(number => new GpuId(Shape.NameOf(number / 3), number % 3)))
            Assert.Equal(full.RankOf(gpu), lean.RankOf(gpu));

        // The chain goes on from there, with a change that is longer than what is told member by member.
        var next = new Membership { Job = Job, Generation = 1, Members = members, Hash = whole.Hash }.Apply(
            2, [.. members[..100].Select(member => member.Gpu)], [.. members[..90]]);
        var change = Change(1, 2, [.. members[..100].Select(member => member.Gpu)], [.. members[..90]]) with { Hash = next.Hash };
        Assert.True(lean.Take(Read(change)));
        Assert.Equal((2, next.Members.Count), (lean.Generation, lean.Count));
    }

    [Fact]
    public void Members_that_are_none_of_the_swarms_are_refused() =>
        Assert.Throws<FormatException>(() => Read(Change(
            0, 1, [], [.. Enumerable.Range(350, 100).Select(node => new Member(new GpuId(new NodeId($"n{node:00000}"), 0), "a1:1", 1))])));

    private static MembershipChange Change(long from, long to, GpuId[] removed, Member[] added) =>
        new()
        {
            Job = Job,
            Incarnation = 1,
            FromGeneration = from,
            ToGeneration = to,
            Removed = removed,
            Added = added,
            Hash = new string('a', 64),
            Key = "",
        };

    private static MembershipChange Read(MembershipChange change)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(new MembershipChanged(change), MachinesJson.Default.CoordinatorMessage);
        return ((MembershipChanged)new AgentFrames(Shape).Read(text)).Change;
    }
}
