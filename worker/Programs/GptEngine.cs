using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>Reads the samples of a micro-batch and runs the model over them.</summary>
internal sealed unsafe class GptEngine : IGradientEngine
{
    private readonly ModelSpec model;
    private readonly ISampleSource samples;
    private readonly GptModel gpt;
    private readonly int[] sample;
    private int[] inputs = [];
    private int[] targets = [];

    public GptEngine(JobSpec spec, ISampleSource samples, IKernels kernels)
    {
        (model, this.samples) = (spec.Model, samples);
        gpt = new GptModel(spec.Model, spec.Training.Seed, training: true, kernels);
        sample = new int[spec.Model.Block + 1];
    }

    public ShardResult Compute(float* parameters, float* gradient, bool accumulate, long firstPosition, int count, CancellationToken cancel)
    {
        int time = model.Block, rows = count * time;
        Read(firstPosition, count);
        fixed (int* inputs = this.inputs, targets = this.targets)
        {
            gpt.Forward(parameters, inputs, count, time, firstPosition, cancel);
            var loss = gpt.Loss(parameters, targets, rows);
            gpt.Backward(parameters, gradient, inputs, count, time, firstPosition, accumulate, cancel);
            return new ShardResult(loss, rows);
        }
    }

    public void Dispose() => gpt.Dispose();

    private void Read(long firstPosition, int count)
    {
        var time = this.model.Block;
        if (inputs.Length < count * time) (inputs, targets) = (new int[count * time], new int[count * time]);
        for (var s = 0; s < count; s++)
        {
            samples.ReadSample(firstPosition + s, sample);
            foreach (var token in sample)
            {
                if ((uint)token >= (uint)this.model.Vocab)
                {
                    throw new InvalidDataException(
                        $"Sample {firstPosition + s} holds token {token}; the model's vocabulary is {this.model.Vocab}.");
                }
            }

            sample.AsSpan(0, time).CopyTo(inputs.AsSpan(s * time));
            sample.AsSpan(1, time).CopyTo(targets.AsSpan(s * time));
        }
    }
}
