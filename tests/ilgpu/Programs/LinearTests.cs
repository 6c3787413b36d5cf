using Coordinator.Machines.Jobs;
using Coordinator.Tests.Ilgpu.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Devices;

namespace Coordinator.Tests.Ilgpu.Programs;

public sealed class LinearTests
{
    [Fact]
    public void Gradients_have_the_bits_of_the_cpu_device_and_losses_agree()
    {
        JobSpec spec = World.Linear(batch: 53, channels: 7);
        using IRankDevice cpu = World.Cpu(spec);
        using IlgpuRankDevice device = World.Device(spec);
        for (int shard = 0; shard < 8; shard++)
        {
            (float[] expected, ShardResult wanted) = World.Compute(cpu, 3, shard);
            (float[] actual, ShardResult result) = World.Compute(device, 3, shard);
            Same.Bits(expected, actual, $"shard {shard}");
            Assert.Equal(wanted.Targets, result.Targets);
            Assert.Equal(wanted.LossSum, result.LossSum, 1e-9);
        }
    }

    [Fact]
    public void Twenty_steps_end_with_the_bits_of_the_cpu_device()
    {
        // No clipping, so the norm, which is summed by the caller, decides nothing.
        JobSpec spec = World.Linear(batch: 32);
        spec = spec with { Training = spec.Training with { Shards = 4 } };
        using IRankDevice cpu = World.Cpu(spec);
        using IlgpuRankDevice device = World.Device(spec);
        for (long step = 1; step <= 20; step++)
        {
            World.Step([cpu], step);
            World.Step([device], step);
        }

        Assert.Equal(World.Hash(cpu), World.Hash(device));
    }
}
