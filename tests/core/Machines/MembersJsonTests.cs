using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class MembersJsonTests
{
    private static MembershipChange Change(params Member[] members) => new()
    {
        Job = new JobId("j"),
        Incarnation = 1,
        FromGeneration = 0,
        ToGeneration = 1,
        Added = members,
        Hash = new string('a', 64),
        Key = "",
    };

    private static string Write(MembershipChange change) => JsonSerializer.Serialize(change, MachinesJson.Default.MembershipChange);

    private static Member[] Members(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new Member(
            new GpuId(new NodeId($"node-{i / 8:00000}"), i % 8),
            $"10.0.{i / 2000}.{i / 8 % 250}:7000",
            1_790_000_000_000 + (i * 37 % 1000)))];

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(MembersConverter.Many - 1)]
    [InlineData(MembersConverter.Many)]
    [InlineData(20_000)]
    public void Members_are_read_as_they_were_written(int count)
    {
        var members = Members(count);
        Assert.Equal(members, JsonSerializer.Deserialize(Write(Change(members)), MachinesJson.Default.MembershipChange)!.Added);
        Assert.Equal(members, Coordinator.Machines.Contracts.Read<MembershipChange>(Write(Change(members))).Added);
    }

    /// <summary>
    /// Names and hosts that count on, with what breaks a run: a missing node, a gpu short, another port, another process, a carry, no
    /// number at all.
    /// </summary>
    [Fact]
    public void Runs_begin_and_end_where_nodes_follow_each_other()
    {
        List<Member> members = [];
        foreach (var node in Enumerable.Range(0, 1200).Where(node => node % 97 != 13))
        {
            for (var index = 0; index < (node == 500 ? 7 : 8); index++)
            {
                var address = node < 300 ? $"n{node:0000}:{(node == 200 ? 7001 : 7000)}"
                    : node < 1000 ? $"10.0.{node / 250}.{node % 250}:7000"
                    : node < 1100 ? "host:7000"
                    : "host";
                members.Add(new Member(
                    new GpuId(new NodeId(node < 1150 ? $"n{node:0000}" : $"rack-{node}-left"), index),
                    address,
                    node * 31 % 17 + (node == 800 && index == 3 ? 1 : 0)));
            }
        }

        members.AddRange(Enumerable.Range(0, 200).Select(node => new Member(new GpuId(new NodeId($"s{node}"), 2), $"s{node}", 1)));
        members.AddRange(Enumerable.Range(0, 70).Select(index => new Member(new GpuId(new NodeId("wide0"), index), "w0", 1)));
        members.AddRange(Enumerable.Range(0, 70).Select(index => new Member(new GpuId(new NodeId("wide1"), index), "w1", 1)));
        members.AddRange([new Member(new GpuId(new NodeId("\u00e9\ud83d\ude009"), 0), "\u00e99", 5), new Member(
            new GpuId(new NodeId("\u00e9\ud83d\ude0010"), 0), "\u00e910", 6)]);
        Assert.Equal(members, JsonSerializer.Deserialize(Write(Change([.. members])), MachinesJson.Default.MembershipChange)!.Added);
    }

    /// <summary>A cluster of eight gpus a node: a few characters for each node, whatever it has gpus.</summary>
    [Fact]
    public void Nodes_that_follow_each_other_take_a_boot_number_each()
    {
        Member[] members = [.. Enumerable.Range(0, 80_000).Select(i => new Member(
            new GpuId(new NodeId($"n{i / 8:00000}"), i % 8), $"n{i / 8:00000}:7000", 1_790_000_000_000 + (i / 8 * 7919 % 20_000)))];
        Assert.InRange(Write(Change(members)).Length, 1, 50_000);
    }

    [Fact]
    public void Many_take_less_than_a_third_of_the_room()
    {
        var members = Members(10_000).Where(member => member.Gpu.Index != 0).ToArray();
        var plain = members.Sum(member => JsonSerializer.Serialize(member, MachinesJson.Default.Member).Length + 1);
        Assert.InRange(Write(Change(members)).Length, 1, plain / 3);
    }

    [Theory]
    [InlineData("""[0,"n1/0",0,"a:1",5,9,"",0,"a:2",0]""", "shares 4 characters")]
    [InlineData("""[0,"n1/0",0,"a:1"]""", "")]
    [InlineData("""[0,"n1",0,"a:1",5]""", "")]
    [InlineData("""[-1,"n1/0",0,"a:1",5]""", "numbers and texts")]
    [InlineData("""[-1,1,"AA=="]""", "after another one")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-2,1,"AA=="]""", "2 nodes has 1 boot numbers")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-1,1,"AIA="]""", "1 nodes has 1 boot numbers")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-1,1,""]""", "")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-1,1,0]""", "1 to 64 gpus")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-1,65,"AA=="]""", "1 to 64 gpus")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-1,0,"AA=="]""", "1 to 64 gpus")]
    [InlineData("""[0,"n1/0",0,"a1:1",5,-2147483648,1,"AA=="]""", "0 nodes has 1 boot numbers")]
    [InlineData("""[0,"n1/0",0,"a:1",5,-1,1,"AA=="]""", "no node follows n")]
    [InlineData("""[0,"n/0",0,"a1:1",5,-1,1,"AA=="]""", "no node follows n")]
    [InlineData("""[0,7,0,"a:1",5]""", "is a text")]
    [InlineData("""[0.5,"n1/0",0,"a:1",5]""", "numbers and texts")]
    [InlineData("""["n1/0"]""", "")]
    [InlineData("7", "array")]
    public void What_are_no_members_is_refused(string added, string reason)
    {
        var whole = Write(Change()).Replace("\"added\":[]", $"\"added\":{added}", StringComparison.Ordinal);
        Assert.Contains(added, whole, StringComparison.Ordinal);
        var refused = Record.Exception(() => JsonSerializer.Deserialize(whole, MachinesJson.Default.MembershipChange));
        Assert.True(refused is JsonException or InvalidOperationException or FormatException, refused?.ToString());
        Assert.Contains(reason, refused!.Message, StringComparison.Ordinal);
    }
}
