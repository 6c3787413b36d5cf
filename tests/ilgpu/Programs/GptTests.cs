using Coordinator.Tests.Ilgpu.Support;
using Coordinator.Tests.Support;
using Coordinator.Worker.Ilgpu.Devices;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Ilgpu.Programs;

public sealed class GptTests
{
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.2)]
    public void The_gradient_of_every_tensor_agrees_with_finite_differences(double dropout)
    {
        var spec = World.Gpt(batch: 4, microBatch: 1, dropout: dropout);
        using var device = World.Device(spec);
        var layout = GptProgram.LayoutOf(spec.Model);
        var start = KernelBuffers.Random((int)device.ParameterCount, 8, 0.3);
        device.WriteState(0, start);
        var gradient = World.Compute(device, 3, 2).Gradient;
        foreach (var tensor in layout.Tensors)
        {
            GradientCheck.AssertSlope(tensor, start, gradient, 0, 1, LossAt);
            GradientCheck.AssertSlope(tensor, start, gradient, 1, 2, LossAt);
        }

        double LossAt(float[] moved)
        {
            device.WriteState(0, moved);
            return World.Compute(device, 3, 2).Result.LossSum;
        }
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.1)]
    public void Gradients_and_losses_agree_with_the_cpu_device(double dropout)
    {
        // Nine samples in micro-batches of two: shards of two and three, so the last micro-batch is short.
        var spec = World.Gpt(batch: 9, microBatch: 2, dropout: dropout);
        using var cpu = World.Cpu(spec);
        using var device = World.Device(spec);
        var (expected, wanted) = World.Compute(cpu, 2, 3);
        var (actual, result) = World.Compute(device, 2, 3);
        Assert.Equal(wanted.Targets, result.Targets);
        Assert.Equal(wanted.LossSum, result.LossSum, 1e-3);
        Same.Numbers(expected, actual, 2e-4, "gradient");
    }

    [Fact]
    public void A_gradient_has_the_same_bits_however_its_work_is_cut()
    {
        var spec = World.Gpt(batch: 8, microBatch: 2, dropout: 0.1);
        using var one = World.Device(spec);
        var expected = World.Compute(one, 2, 1).Gradient;
        foreach ((var tuning, var threads) in TestDevice.Cuts.Skip(1))
        {
            using var other = World.Device(spec, tuning, threads);
            Same.Bits(expected, World.Compute(other, 2, 1).Gradient, $"cut as {tuning}");
        }
    }

    [Fact]
    public void A_gradient_and_its_loss_have_the_same_bits_whatever_the_device_computed_before()
    {
        var spec = World.Gpt(batch: 7, microBatch: 1, dropout: 0.2);
        using IlgpuRankDevice used = World.Device(spec), fresh = World.Device(spec);
        World.Compute(used, 9, 3);
        World.Compute(used, 4, 2);
        var (gradient, result) = World.Compute(used, 4, 1);
        var (expected, wanted) = World.Compute(fresh, 4, 1);
        Same.Bits(expected, gradient, "gradient");
        Assert.Equal(wanted, result);
        Assert.NotEqual(gradient, World.Compute(fresh, 5, 1).Gradient);
    }

    [Fact]
    public void The_first_parameters_have_the_bits_of_the_cpu_device()
    {
        var spec = World.Gpt();
        using var cpu = World.Cpu(spec);
        using var device = World.Device(spec);
        Same.Bits(World.State(cpu), World.State(device), "state");
    }

    [Fact]
    public void Twenty_steps_have_the_losses_of_the_cpu_device_within_one_in_ten_thousand()
    {
        var spec = World.Gpt(batch: 8, dropout: 0.1, steps: 20);
        using var cpu = World.Cpu(spec);
        using var device = World.Device(spec);
        double first = 0, last = 0;
        for (long step = 1; step <= 20; step++)
        {
            double expected = World.Step([cpu], step), actual = World.Step([device], step);
            Assert.True(Math.Abs(expected - actual) < 1e-4 * expected, $"step {step}: {actual}, not {expected}");
            if (step == 1) first = actual;
            last = actual;
        }

        Assert.True(last < 0.9 * first, $"{first} to {last}: it learned nothing");
    }

    [Fact]
    public void The_final_state_is_the_same_on_one_two_and_four_ranks_and_when_a_rank_is_lost_on_the_way()
    {
        var spec = World.Gpt(dropout: 0.1);
        List<string> hashes = [];
        foreach (var count in new[] { 1, 2, 4 })
        {
            IlgpuRankDevice[] ranks = [.. Enumerable.Range(0, count).Select(_ => World.Device(spec))];
            for (long step = 1; step <= 6; step++) World.Step(ranks, step);
            hashes.AddRange(ranks.Select(World.Hash));
            foreach (var rank in ranks) rank.Dispose();
        }

        // Two of four go after step 2; a newcomer takes a survivor's state and joins at step 5.
        List<IlgpuRankDevice> members = [.. Enumerable.Range(0, 4).Select(_ => World.Device(spec))];
        for (long step = 1; step <= 2; step++) World.Step(members, step);
        foreach (var gone in new[] { 3, 1 })
        {
            members[gone].Dispose();
            members.RemoveAt(gone);
        }

        for (long step = 3; step <= 4; step++) World.Step(members, step);
        members[1].Dispose();
        members[1] = World.Device(spec);
        members[1].WriteState(0, World.State(members[0]));
        for (long step = 5; step <= 6; step++) World.Step(members, step);
        hashes.AddRange(members.Select(World.Hash));
        foreach (var member in members) member.Dispose();
        Assert.Single(hashes.Distinct());
    }
}
