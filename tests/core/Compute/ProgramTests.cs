using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Compute;

public class ProgramTests
{
    public static TheoryData<JobSpec> Invalid =>
    [
        ComputeWorld.Gpt() with { Model = new ModelSpec { Program = "cnn" } },
        ComputeWorld.Gpt() with { Model = new ModelSpec { Channels = 100, Heads = 3 } },
        ComputeWorld.Gpt() with { Model = new ModelSpec { Layers = 0 } },
        ComputeWorld.Gpt() with { Model = new ModelSpec { Dropout = 1 } },
        ComputeWorld.Gpt() with { Model = new ModelSpec { Dropout = double.NaN } },
        ComputeWorld.Gpt() with { Model = new ModelSpec { Vocab = 70000 } },
        ComputeWorld.Gpt() with { Model = new ModelSpec { Channels = 65536, Heads = 4, Layers = 100 } },
        ComputeWorld.Gpt() with { Training = new TrainingSpec { Shards = 6 } },
        ComputeWorld.Gpt() with { Training = new TrainingSpec { MicroBatch = 0 } },
        ComputeWorld.Gpt() with { Optimizer = new OptimizerSpec { LearningRate = 0 } },
        ComputeWorld.Gpt() with { Optimizer = new OptimizerSpec { Beta2 = 1 } },
    ];

    [Theory]
    [MemberData(nameof(Invalid), DisableDiscoveryEnumeration = true)]
    public void A_job_that_cannot_be_computed_is_refused(JobSpec spec) =>
        Assert.Throws<InvalidJobException>(() => TrainingPrograms.Create(spec));

    [Theory]
    [MemberData(nameof(Invalid), DisableDiscoveryEnumeration = true)]
    public void A_worker_refuses_by_the_rules_and_in_the_words_of_the_submission(JobSpec spec) =>
        Assert.Equal(JobSpecValidator.Validate(spec)[0].ToString(), TrainingPrograms.WhyInvalid(spec));

    [Fact]
    public void Every_kind_of_program_that_a_job_can_name_is_made_by_the_worker_and_no_other() =>
        Assert.Equal(ProgramKinds.All.Select(kind => kind.Name).Order(), TrainingPrograms.Names.Order());

    [Fact]
    public void What_a_submission_may_have_at_most_a_worker_can_hold()
    {
        Assert.True(JobSpecValidator.MostParameters <= Array.MaxLength / sizeof(float));
        Assert.True(JobSpecValidator.MostTokensOfPass <= Array.MaxLength);
        foreach (var model in new[] { ComputeWorld.Gpt().Model, ComputeWorld.Linear(batch: 5).Model })
        {
            Assert.Equal(
                JobSpecValidator.CountParameters(model), TrainingPrograms.Create(new JobSpec { Model = model }).Layout.ParameterCount);
        }
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void The_linear_program_ends_with_the_same_bits_at_every_width(VectorWidth width)
    {
        var spec = ComputeWorld.Linear(batch: 5);
        using IRankDevice device = ComputeWorld.Device(spec, width), usual = ComputeWorld.Device(spec);
        for (long step = 1; step <= 20; step++)
        {
            ComputeWorld.Step(device, step, 8);
            ComputeWorld.Step(usual, step, 8);
        }

        Assert.Equal(ComputeWorld.StateHash(usual), ComputeWorld.StateHash(device));
        Assert.Equal(CpuDeviceClass.Name(), CpuDeviceClass.Name(width));
    }

    [Fact]
    public void The_linear_program_finds_its_weights_again()
    {
        var spec = ComputeWorld.Linear(batch: 32);
        using var device = ComputeWorld.Device(spec);
        Assert.Equal(31, device.ParameterCount);
        var (first, targets) = ComputeWorld.Step(device, 1, 8);
        Assert.Equal(32, targets);
        double last = 0;
        for (long step = 2; step <= 200; step++) last = ComputeWorld.Step(device, step, 8).LossSum / 32;
        Assert.InRange(first / 32, 5, 200);
        Assert.InRange(last, 0.001, 0.05);
        Assert.Equal(0.5, ComputeWorld.Parameters(device)[30], 0.1);
    }

    [Fact]
    public void The_linear_programs_gradient_agrees_with_finite_differences()
    {
        using var device = ComputeWorld.Device(ComputeWorld.Linear(batch: 20, channels: 5));
        float[] p = [0.3f, -1, 2, 0.1f, 0, 0.7f], gradient = new float[6], unused = new float[6];
        device.WriteState(0, p);
        device.ComputeShard(4, 3, gradient, CancellationToken.None);
        for (var i = 0; i < 6; i++) Assert.Equal((LossAt(i, 0.01f) - LossAt(i, -0.01f)) / 0.02, gradient[i], 0.01);

        double LossAt(int i, float distance)
        {
            float[] moved = [.. p];
            moved[i] += distance;
            device.WriteState(0, moved);
            return device.ComputeShard(4, 3, unused, CancellationToken.None).LossSum;
        }
    }

    [Fact]
    public void Shards_take_every_sample_of_a_batch_once_and_in_order()
    {
        foreach (var batch in new[] { 1, 3, 16, 37 })
        {
            TrainingSpec training = new() { BatchSize = batch, Shards = 8 };
            var next = 4L * batch;
            for (var shard = 0; shard < 8; shard++)
            {
                var samples = ShardSamples.Of(training, 5, shard);
                Assert.Equal(next, samples.FirstPosition);
                next += samples.Count;
            }

            Assert.Equal(5L * batch, next);
        }
    }

    [Fact]
    public void The_learning_rate_warms_up_linearly_and_falls_by_half_a_cosine()
    {
        OptimizerSpec spec = new() { LearningRate = 1, MinLearningRate = 0.1, WarmupSteps = 10 };
        Assert.Equal(0.1, LearningRate.At(1, 110, spec), 1e-15);
        Assert.Equal(1, LearningRate.At(10, 110, spec), 1e-15);
        Assert.Equal(0.55, LearningRate.At(60, 110, spec), 1e-15);
        Assert.Equal(0.1 + 0.45 * (1 + Math.Cos(Math.PI * 0.3)), LearningRate.At(40, 110, spec), 1e-14);
        Assert.Equal(0.1, LearningRate.At(110, 110, spec));
        Assert.Equal(1, LearningRate.At(1, 5, spec with { WarmupSteps = 0 }), 0.1);

        // More steps than the decay has change no rate of those that it has, and keep the least one from then on.
        for (var step = 1; step <= 110; step++)
            Assert.Equal(LearningRate.At(step, 110, spec), LearningRate.At(step, 5000, spec with { DecaySteps = 110 }));
        Assert.Equal(0.1, LearningRate.At(4000, 5000, spec with { DecaySteps = 110 }));
    }

    [Fact]
    public void A_step_clips_by_the_global_norm_and_reports_the_norm_before_it()
    {
        var spec = ComputeWorld.Linear(batch: 8, channels: 2);
        spec = spec with { Optimizer = spec.Optimizer with { GradientClip = 1, Beta1 = 0, Beta2 = 0, WarmupSteps = 0, Epsilon = 1 } };
        using var device = ComputeWorld.Device(spec);
        var norm = device.ApplyStep(1, [30, 0, 40], 2500, 10);
        Assert.Equal(5, norm);

        // Clipped to (0.6, 0, 0.8): each moves by rate * g / (|g| + 1).
        var rate = LearningRate.At(1, 200, spec.Optimizer);
        var p = ComputeWorld.Parameters(device);
        Assert.Equal(-rate * 0.6 / 1.6, p[0], 1e-6);
        Assert.Equal(0, p[1]);
        Assert.Equal(-rate * 0.8 / 1.8, p[2], 1e-6);
    }
}
