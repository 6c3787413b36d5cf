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
        [.. Enumerable.Range(0, count).Select(i => new Member(new GpuId(new NodeId($"node-{i / 8:00000}"), i % 8), $"10.0.{i / 2000}.{i / 8 % 250}:7000", 1_790_000_000_000 + (i * 37 % 1000)))];

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

    [Fact]
    public void Many_take_less_than_a_third_of_the_room()
    {
        var members = Members(10_000);
        var plain = members.Sum(member => JsonSerializer.Serialize(member, MachinesJson.Default.Member).Length + 1);
        Assert.InRange(Write(Change(members)).Length, 1, plain / 3);
    }

    [Theory]
    [InlineData("""[0,"n1/0",0,"a:1",5,9,"",0,"a:2",0]""", "shares 4 characters")]
    [InlineData("""[0,"n1/0",0,"a:1"]""", "")]
    [InlineData("""[0,"n1",0,"a:1",5]""", "")]
    [InlineData("""[-1,"n1/0",0,"a:1",5]""", "shares 0 characters")]
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
