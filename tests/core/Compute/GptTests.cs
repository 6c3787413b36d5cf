using Coordinator.Tests.Support;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Compute;

public class GptTests
{
    [Theory]
    [Width(VectorWidth.Plain, 0.0)]
    [Width(VectorWidth.Plain, 0.2)]
    [Width(VectorWidth.W128, 0.0)]
    [Width(VectorWidth.W512, 0.2)]
    public void The_gradient_of_every_tensor_agrees_with_finite_differences(VectorWidth width, double dropout)
    {
        var spec = ComputeWorld.Gpt(batch: 4, microBatch: 1, dropout: dropout);
        using var device = ComputeWorld.Device(spec, width);
        var layout = GptProgram.LayoutOf(spec.Model);
        float[] start = KernelBuffers.Random(
            (int)device.ParameterCount, 8, 0.3), gradient = new float[device.ParameterCount], unused = new float[device.ParameterCount];
        device.WriteState(0, start);
        device.ComputeShard(3, 2, gradient, CancellationToken.None);

        foreach (var tensor in layout.Tensors)
        {
            foreach (var (first, stride) in new[] { (0, 1), (0, 2), (1, 2) })
                GradientCheck.AssertSlope(tensor, start, gradient, first, stride, LossAt);
        }

        double LossAt(float[] moved)
        {
            device.WriteState(0, moved);
            return device.ComputeShard(3, 2, unused, CancellationToken.None).LossSum;
        }
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Vector_gradients_agree_with_plain_ones(VectorWidth width)
    {
        var spec = ComputeWorld.Gpt(batch: 9, microBatch: 2, dropout: 0.1);
        using IRankDevice plain = ComputeWorld.Device(spec, VectorWidth.Plain), vector = ComputeWorld.Device(spec, width);
        float[] expected = new float[plain.ParameterCount], actual = new float[plain.ParameterCount];
        Array.Fill(actual, float.NaN);
        ShardResult first = plain.ComputeShard(
            2, 3, expected, CancellationToken.None), second = vector.ComputeShard(2, 3, actual, CancellationToken.None);
        Assert.Equal(first.Targets, second.Targets);
        Assert.Equal(first.LossSum, second.LossSum, 1e-3);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 2e-4);
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Ten_steps_end_with_exactly_these_bits(VectorWidth width)
    {
        // The class x86-64 with FMA, kernels of version 1. A change here means that trained models change.
        var spec = ComputeWorld.Gpt(dropout: 0.1);
        using var device = ComputeWorld.Device(spec, width);
        for (long step = 1; step <= 10; step++) ComputeWorld.Step(device, step, 4);
        Assert.Equal("3998b703e7856d1035cc0a629741869b71f632f9", ComputeWorld.StateHash(device)[..40]);
    }

    [Fact]
    public void Shards_of_an_indivisible_batch_sum_to_the_gradient_of_the_whole_batch()
    {
        var parts = ComputeWorld.Gpt(batch: 7, microBatch: 1);
        var whole = parts with { Training = parts.Training with { BatchSize = 28, MicroBatch = 7 } };
        using IRankDevice one = ComputeWorld.Device(parts), all = ComputeWorld.Device(whole);

        // Shard 0 of step 1 of 28 samples is the whole batch of 7.
        float[] expected = new float[one.ParameterCount], shard = new float[one.ParameterCount];
        var sum = new double[one.ParameterCount];
        var wanted = all.ComputeShard(1, 0, expected, CancellationToken.None);
        var targets = new long[4];
        double loss = 0;
        for (var i = 0; i < 4; i++)
        {
            var result = one.ComputeShard(1, i, shard, CancellationToken.None);
            (targets[i], loss) = (result.Targets, loss + result.LossSum);
            for (var j = 0; j < sum.Length; j++) sum[j] += shard[j];
        }

        Assert.Equal([20, 40, 40, 40], targets);
        Assert.Equal(wanted.Targets, targets.Sum());
        Assert.Equal(wanted.LossSum, loss, 1e-6);
        for (var j = 0; j < sum.Length; j++) Assert.Equal(expected[j], sum[j], 1e-4);
    }

    [Fact]
    public void A_shard_without_samples_has_a_gradient_of_zeros_and_no_targets()
    {
        using var device = ComputeWorld.Device(ComputeWorld.Gpt(batch: 3));
        var gradient = new float[device.ParameterCount];
        Array.Fill(gradient, float.NaN);
        Assert.Equal(new ShardResult(0, 0), device.ComputeShard(5, 0, gradient, CancellationToken.None));
        Assert.All(gradient, g => Assert.Equal(0, g));
    }

    [Fact]
    public void A_shards_gradient_depends_on_step_and_shard_alone()
    {
        var spec = ComputeWorld.Gpt(dropout: 0.2);
        using IRankDevice used = ComputeWorld.Device(spec), fresh = ComputeWorld.Device(spec);
        float[] gradient = new float[used.ParameterCount], again = new float[used.ParameterCount];
        used.ComputeShard(9, 3, again, CancellationToken.None);
        used.ComputeShard(4, 1, gradient, CancellationToken.None);
        fresh.ComputeShard(4, 1, again, CancellationToken.None);
        Assert.Equal(gradient, again);
        fresh.ComputeShard(5, 1, again, CancellationToken.None);
        Assert.NotEqual(gradient, again);
    }

    [Fact]
    public void A_cancelled_shard_ends_early_and_leaves_the_device_usable()
    {
        using var device = ComputeWorld.Device(ComputeWorld.Gpt());
        var gradient = new float[device.ParameterCount];
        Assert.Throws<OperationCanceledException>(() => device.ComputeShard(1, 1, gradient, new CancellationToken(true)));
        Assert.Equal(40, device.ComputeShard(1, 1, gradient, CancellationToken.None).Targets);
    }

    [Fact]
    public void State_copied_to_another_device_goes_on_with_the_same_bits()
    {
        var spec = ComputeWorld.Gpt();
        using IRankDevice first = ComputeWorld.Device(spec), second = ComputeWorld.Device(spec);
        ComputeWorld.Step(first, 1, 4);
        var state = new float[first.StateElements];
        first.ReadState(0, state.AsSpan(0, 1000));
        first.ReadState(1000, state.AsSpan(1000));
        second.WriteState(0, state.AsSpan(0, 77));
        second.WriteState(77, state.AsSpan(77));
        ComputeWorld.Step(first, 2, 4);
        ComputeWorld.Step(second, 2, 4);
        Assert.Equal(ComputeWorld.StateHash(first), ComputeWorld.StateHash(second));
    }

    [Fact]
    public void The_layout_is_that_of_gpt2_and_its_first_values_have_gpt2s_deviations()
    {
        var spec = ComputeWorld.Gpt();
        var layout = TrainingPrograms.Create(spec).Layout;
        Assert.Equal([24, 72], layout["transformer.h.1.attn.c_attn.weight"].Shape.ToArray());
        Assert.Equal([96, 24], layout["transformer.h.0.mlp.c_proj.weight"].Shape.ToArray());
        Assert.Equal(2 + 2 * 12 + 2, layout.Tensors.Length);
        using var device = ComputeWorld.Device(spec);
        var p = ComputeWorld.Parameters(device);
        Assert.Equal(0.02, Deviation("transformer.h.0.mlp.c_fc.weight"), 0.001);
        Assert.Equal(0.01, Deviation("transformer.h.1.mlp.c_proj.weight"), 0.0006);
        Assert.Equal(1f, p[layout["transformer.ln_f.weight"].Offset]);
        Assert.Equal(0f, p[layout["transformer.ln_f.bias"].Offset]);

        double Deviation(string name) =>
            Math.Sqrt(p.AsSpan(layout[name].Offset, layout[name].Length).ToArray().Average(x => (double)x * x));
    }

    [Fact]
    public void A_model_learns_a_pattern_and_generates_it()
    {
        var spec = ComputeWorld.Gpt(batch: 16, microBatch: 4, vocab: 32);
        spec = spec with { Training = spec.Training with { Steps = 120 } };
        using var device = ComputeWorld.Device(spec);
        double last = 0;
        for (long step = 1; step <= 120; step++)
        {
            var (loss, targets) = ComputeWorld.Step(device, step, 4);
            last = loss / targets;
        }

        var p = ComputeWorld.Parameters(device);
        Assert.InRange(last, 0.2, 0.9);
        using GptGenerator generator = new(spec.Model);
        var text = generator.Generate(p, [1, 4, 7], 40, temperature: 0, topK: 0, seed: 1);
        Assert.Equal([10, 13, 16, 19, 22, 25, 28, 31, 2, 5], text[..10]);
        var drawn = generator.Generate(p, [1, 4, 7], 40, 1.0, 5, 2);
        Assert.Equal(drawn, generator.Generate(p, [1, 4, 7], 40, 1.0, 5, 2));
        Assert.NotEqual(drawn, generator.Generate(p, [1, 4, 7], 40, 1.0, 5, 3));

        var windows = new int[2 * 21];
        new CyclicTokens(32).ReadSample(1_000_000, windows.AsSpan(0, 21));
        new CyclicTokens(32).ReadSample(1_000_001, windows.AsSpan(21));
        using GptEvaluator evaluator = new(spec.Model);
        Assert.InRange(evaluator.MeanLoss(p, windows), 0.1, 1.5);
    }

    [Fact]
    public void The_evaluators_loss_is_the_devices()
    {
        var spec = ComputeWorld.Gpt(batch: 4, microBatch: 1, dropout: 0.2);
        var dry = spec with { Model = spec.Model with { Dropout = 0 } };
        using var device = ComputeWorld.Device(dry);
        var result = device.ComputeShard(1, 2, new float[device.ParameterCount], CancellationToken.None);
        var window = new int[21];
        new CyclicTokens(19).ReadSample(2, window);
        using GptEvaluator evaluator = new(spec.Model);
        Assert.Equal(result.LossSum / result.Targets, evaluator.MeanLoss(ComputeWorld.Parameters(device), window));
    }

    [Fact]
    public void The_loss_is_that_of_gpt2_with_weights_as_hugging_face_stores_them()
    {
        var model = ComputeWorld.Gpt().Model;
        var p = KernelBuffers.Random(GptProgram.LayoutOf(model).ParameterCount, 12, 0.3);
        var window = new int[21];
        new CyclicTokens(19).ReadSample(5, window);
        using GptEvaluator evaluator = new(model);
        Assert.Equal(new Gpt2Reference(model, p).MeanLoss(window), evaluator.MeanLoss(p, window), 2e-5);
    }

    [Fact]
    public void Dropout_drops_about_its_share_and_keeps_the_mean()
    {
        DropoutPlan plan = new(1, 0.25, 77, 5);
        var x = new float[100_003];
        Array.Fill(x, 1f);
        plan.Apply(3, 2, x);
        Assert.InRange(x.Count(v => v == 0) / 100_003.0, 0.245, 0.255);
        Assert.Equal(1, x.Average(), 0.02);
        var part = new float[10];
        Array.Fill(part, 1f);
        plan.Apply(3, 9, part);
        Assert.Equal(x[7..17], part);
    }
}
