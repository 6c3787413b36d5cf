using Coordinator.Machines;
using Coordinator.Worker.Gangs;

namespace Coordinator.Tests.Worker.Gangs;

/// <summary>Questions among agents: nobody without the generation's key can keep processes alive.</summary>
public sealed class LeasePacketTests
{
    private static readonly JobId Job = new("g");
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Fact]
    public void What_is_written_is_read()
    {
        var packet = new LeasePacket(IsAnswer: true, 7, 3, TimeSpan.FromTicks(123456789));

        Assert.Equal(packet, LeasePacket.Read(packet.Write(Job, Key), Job, Key));
    }

    [Fact]
    public void One_that_differs_in_any_bit_is_none()
    {
        var written = new LeasePacket(IsAnswer: false, 7, 3, TimeSpan.FromSeconds(5)).Write(Job, Key);
        for (var bit = 0; bit < written.Length * 8; bit++)
        {
            var changed = written.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(LeasePacket.Read(changed, Job, Key));
        }
    }

    [Fact]
    public void One_of_another_job_of_another_key_or_of_another_length_is_none()
    {
        var written = new LeasePacket(IsAnswer: false, 7, 3, TimeSpan.FromSeconds(5)).Write(Job, Key);

        Assert.Null(LeasePacket.Read(written, new JobId("h"), Key));
        Assert.Null(LeasePacket.Read(written, Job, new byte[32]));
        Assert.Null(LeasePacket.Read(written.AsSpan(0, 47), Job, Key));
        Assert.Null(LeasePacket.Read([.. written, 0], Job, Key));
        Assert.Null(LeasePacket.Read([], Job, Key));
    }
}
