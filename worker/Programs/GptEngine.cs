using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>Reads the samples of a micro-batch and runs the model over them.</summary>
internal sealed unsafe class GptEngine : IGradientEngine
{
    private readonly ModelSpec _model;
    private readonly ISampleSource _samples;
    private readonly GptModel _gpt;
    private readonly int[] _sample;
    private int[] _inputs = [];
    private int[] _targets = [];

    public GptEngine(JobSpec spec, ISampleSource samples, IKernels kernels)
    {
        (_model, _samples) = (spec.Model, samples);
        _gpt = new GptModel(spec.Model, spec.Training.Seed, training: true, kernels);
        _sample = new int[spec.Model.Block + 1];
    }

    public ShardResult Compute(float* parameters, float* gradient, bool accumulate, long firstPosition, int count, CancellationToken cancel)
    {
        int time = _model.Block, rows = count * time;
        Read(firstPosition, count);
        fixed (int* inputs = _inputs, targets = _targets)
        {
            _gpt.Forward(parameters, inputs, count, time, firstPosition, cancel);
            double loss = _gpt.Loss(parameters, targets, rows);
            _gpt.Backward(parameters, gradient, inputs, count, time, firstPosition, accumulate, cancel);
            return new ShardResult(loss, rows);
        }
    }

    public void Dispose() => _gpt.Dispose();

    private void Read(long firstPosition, int count)
    {
        int time = _model.Block;
        if (_inputs.Length < count * time) (_inputs, _targets) = (new int[count * time], new int[count * time]);
        for (int s = 0; s < count; s++)
        {
            _samples.ReadSample(firstPosition + s, _sample);
            foreach (int token in _sample)
            {
                if ((uint)token >= (uint)_model.Vocab)
                {
                    throw new InvalidDataException($"Sample {firstPosition + s} holds token {token}; the model's vocabulary is {_model.Vocab}.");
                }
            }

            _sample.AsSpan(0, time).CopyTo(_inputs.AsSpan(s * time));
            _sample.AsSpan(1, time).CopyTo(_targets.AsSpan(s * time));
        }
    }
}
