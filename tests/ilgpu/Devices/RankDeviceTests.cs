using Coordinator.Machines.Jobs;
using Coordinator.Tests.Ilgpu.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ilgpu.Devices;
using Coordinator.Worker.Programs;
using ILGPU.Runtime;

namespace Coordinator.Tests.Ilgpu.Devices;

public sealed class RankDeviceTests
{
    [Fact]
    public void Sums_and_copies_see_the_numbers_that_were_there_when_they_were_asked_for()
    {
        using var device = World.Device(World.Gpt());
        using DeviceGradient left = device.CreateGradient(), right = device.CreateGradient();
        device.ComputeShard(1, 0, left, CancellationToken.None);
        var before = World.Numbers(left);
        device.ComputeShard(1, 1, right, CancellationToken.None);
        var addend = World.Numbers(right);
        device.Add(left, right);

        // The addend is computed into again at once.
        device.ComputeShard(1, 2, right, CancellationToken.None);
        Same.Bits([.. before.Zip(addend, (a, b) => a + b)], World.Numbers(left), "sum");
        Same.Bits(World.Compute(device, 1, 2).Gradient, World.Numbers(right), "addend computed again");
    }

    [Fact]
    public void The_host_view_of_a_gradient_stays_at_its_place_and_holds_what_was_handed_over_last()
    {
        using var device = World.Device(World.Gpt());
        using var gradient = device.CreateGradient();
        var place = gradient.Host(0, (int)gradient.Length);
        for (var round = 0; round < 2; round++)
        {
            World.Floats(gradient).Fill(round + 1);
            gradient.BeginUpload(0, gradient.Length);
        }

        using var sum = device.CreateGradient();
        device.ComputeShard(1, 0, sum, CancellationToken.None);
        var before = World.Numbers(sum);
        device.Add(sum, gradient);
        Same.Bits([.. before.Select(x => x + 2f)], World.Numbers(sum), "sum");
        Assert.Same(place.Array, gradient.Host(5, 3).Array);
        Assert.Equal(20, gradient.Host(5, 3).Offset);
    }

    [Fact]
    public void A_shard_without_samples_has_a_gradient_of_zeros_and_no_targets()
    {
        using var device = World.Device(World.Gpt(batch: 3));
        var (gradient, result) = World.Compute(device, 5, 0);
        Assert.Equal(new ShardResult(0, 0), result);
        Assert.All(gradient, g => Assert.Equal(0, g));
    }

    [Fact]
    public void A_cancelled_shard_ends_early_and_leaves_the_device_usable()
    {
        using var device = World.Device(World.Gpt());
        using var gradient = device.CreateGradient();
        Assert.Throws<OperationCanceledException>(() => device.ComputeShard(1, 1, gradient, new CancellationToken(true)));
        Assert.Equal(40, device.ComputeShard(1, 1, gradient, CancellationToken.None).Targets);
    }

    [Fact]
    public void State_copied_to_another_device_by_pieces_goes_on_with_the_same_bits()
    {
        var spec = World.Gpt();
        using IlgpuRankDevice first = World.Device(spec), second = World.Device(spec);
        World.Step([first], 1);
        var state = World.State(first);
        second.WriteState(0, state.AsSpan(0, 77));
        second.WriteState(77, state.AsSpan(77));
        World.Step([first], 2);
        World.Step([second], 2);
        Assert.Equal(World.Hash(first), World.Hash(second));
    }

    [Fact]
    public void An_error_of_the_accelerator_is_the_loss_of_the_device_in_its_own_words()
    {
        using var device = World.Device(World.Gpt());
        var lost = Assert.Throws<DeviceLostException>(() => device.Guard(() => throw new BrokenContext()));
        Assert.IsType<BrokenContext>(lost.InnerException);
        Assert.Equal($"{TestDevice.Name}: an illegal memory access was encountered", lost.Message);

        // What is given back afterwards may fail once more, and must not hide the first failure.
        device.EndQuietly(() => throw new BrokenContext());
    }

    [Fact]
    public void A_thread_that_never_used_the_device_reaches_it_first_through_a_gradients_host_view_or_the_state()
    {
        // As a newcomer's loop does, which receives before it computes. CUDA refuses what a thread asks for without the device's context.
        using var device = World.Device(World.Gpt());
        using var gradient = device.CreateGradient();
        Accelerator? bound = null;
        var state = new float[8];
        Exception? failure = null;
        foreach (var use in new Action[]
        {
            () => gradient.Host(0, 4),
            () => gradient.BeginUpload(0, gradient.Length),
            () => device.ReadState(0, state),
            () => device.WriteState(0, state),
        })
        {
            Thread thread = new(() =>
            {
                failure = Record.Exception(use);
                bound = Accelerator.Current;
            });
            thread.Start();
            thread.Join();
            Assert.Null(failure);
            Assert.Same(device.Accelerator, bound);
        }
    }

    [Fact]
    public void A_gradient_of_another_device_is_refused()
    {
        using IlgpuRankDevice one = World.Device(World.Gpt()), other = World.Device(World.Gpt());
        using var foreign = other.CreateGradient();
        Assert.Throws<ArgumentException>(() => one.ComputeShard(1, 0, foreign, CancellationToken.None));
    }

    [Fact]
    public void The_backend_lists_the_simulated_device_and_makes_ranks_on_it()
    {
        using IlgpuBackend backend = new();
        var simulated = Assert.Single(backend.List(), device => device.Device == "ilgpu:cpu");
        Assert.Equal("ilgpu-1.5.3-cpu-x64-k1", simulated.DeviceClass);
        using var device = backend.Create(World.Linear(8), null, simulated);
        device.Initialize();
        Assert.Equal(1, World.Compute(device, 1, 0).Result.Targets);
        var wide = World.Gpt() with { Model = new ModelSpec { Layers = 1, Heads = 1, Channels = 260, Block = 4, Vocab = 5 } };
        Assert.Throws<InvalidJobException>(() => backend.Create(wide, null, simulated));
        Assert.Throws<DeviceLostException>(() => backend.Create(World.Linear(8), null, simulated with { Device = "ilgpu:cuda:99" }));
    }

    private sealed class BrokenContext() : AcceleratorException("an illegal memory access was encountered")
    {
        public override AcceleratorType AcceleratorType => AcceleratorType.Cuda;
    }
}
