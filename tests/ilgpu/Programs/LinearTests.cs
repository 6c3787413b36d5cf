using Coordinator.Tests.Ilgpu.Support;

namespace Coordinator.Tests.Ilgpu.Programs;

public sealed class LinearTests
{
    [Fact]
    public void Gradients_have_the_bits_of_the_cpu_device_and_losses_agree()
    {
        var spec = World.Linear(batch: 53, channels: 7);
        using var cpu = World.Cpu(spec);
        using var device = World.Device(spec);
        for (var shard = 0; shard < 8; shard++)
        {
            var (expected, wanted) = World.Compute(cpu, 3, shard);
            var (actual, result) = World.Compute(device, 3, shard);
            Same.Bits(expected, actual, $"shard {shard}");
            Assert.Equal(wanted.Targets, result.Targets);
            Assert.Equal(wanted.LossSum, result.LossSum, 1e-9);
        }
    }

    [Fact]
    public void Twenty_steps_end_with_the_bits_of_the_cpu_device()
    {
        // No clipping, so the norm, which is summed by the caller, decides nothing.
        var spec = World.Linear(batch: 32);
        spec = spec with { Training = spec.Training with { Shards = 4 } };
        using var cpu = World.Cpu(spec);
        using var device = World.Device(spec);
        for (long step = 1; step <= 20; step++)
        {
            World.Step([cpu], step);
            World.Step([device], step);
        }

        Assert.Equal(World.Hash(cpu), World.Hash(device));
    }
}
