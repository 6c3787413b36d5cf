using Coordinator.Machines.Jobs;
using Coordinator.Programs;

namespace Coordinator.Worker.Programs;

/// <summary>
/// GPT-2's architecture (Radford et al. 2019): learned positions, pre-norm blocks of causal attention and a GELU layer four times
/// as wide, the head tied to the token embedding. Tensor names, order of axes ([in, out]) and first values are those of
/// Hugging Face's GPT-2: deviation 0.02, and 0.02 / sqrt(2 layers) where a layer writes to the residual stream.
/// </summary>
public sealed unsafe class GptProgram : TrainingProgram
{
    private readonly ModelSpec model;
    private readonly ulong seed;
    private GptModel? gpt;
    private int[] inputs = [];
    private int[] targets = [];

    internal GptProgram(ModelSpec model, ulong seed)
    {
        (this.model, this.seed) = (model, seed);
        var channels = model.Channels;
        var residual = 0.02 / Math.Sqrt(2.0 * model.Layers);
        Normal("transformer.wte.weight", 0.02, model.Vocab, channels);
        Normal("transformer.wpe.weight", 0.02, model.Block, channels);
        for (var layer = 0; layer < model.Layers; layer++)
        {
            var h = $"transformer.h.{layer}.";
            Ones(h + "ln_1.weight", channels);
            Zeros(h + "ln_1.bias", channels);
            Normal(h + "attn.c_attn.weight", 0.02, channels, 3 * channels);
            Zeros(h + "attn.c_attn.bias", 3 * channels);
            Normal(h + "attn.c_proj.weight", residual, channels, channels);
            Zeros(h + "attn.c_proj.bias", channels);
            Ones(h + "ln_2.weight", channels);
            Zeros(h + "ln_2.bias", channels);
            Normal(h + "mlp.c_fc.weight", 0.02, channels, 4 * channels);
            Zeros(h + "mlp.c_fc.bias", 4 * channels);
            Normal(h + "mlp.c_proj.weight", residual, 4 * channels, channels);
            Zeros(h + "mlp.c_proj.bias", channels);
        }

        Ones("transformer.ln_f.weight", channels);
        Zeros("transformer.ln_f.bias", channels);
    }

    /// <inheritdoc/>
    public override Samples Samples => Samples.Windows(model.Block + 1);

    /// <summary>The layout of a model's parameters.</summary>
    public static ParameterLayout LayoutOf(ModelSpec model)
    {
        using GptProgram program = new(model, seed: 0);
        return ParameterLayout.Of(program);
    }

    /// <inheritdoc/>
    public override PassResult Compute(Pass pass)
    {
        int count = pass.Count, time = model.Block, rows = count * time;
        gpt ??= new GptModel(model, seed, training: true, ((SpanKernels)pass.Kernels).Inner);
        Take(pass);
        fixed (float* parameters = pass.Parameters, gradient = pass.Gradient)
        fixed (int* inputs = this.inputs, targets = this.targets)
        {
            gpt.Forward(parameters, inputs, count, time, pass.FirstPosition, pass.Cancel);
            var loss = gpt.Loss(parameters, targets, rows);
            gpt.Backward(parameters, gradient, inputs, count, time, pass.FirstPosition, pass.Accumulate, pass.Cancel);
            return new PassResult(loss, rows);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            gpt?.Dispose();
        base.Dispose(disposing);
    }

    private void Take(Pass pass)
    {
        var time = model.Block;
        if (inputs.Length < pass.Count * time) (inputs, targets) = (new int[pass.Count * time], new int[pass.Count * time]);
        for (var s = 0; s < pass.Count; s++)
        {
            var sample = pass.Tokens.Slice(s * (time + 1), time + 1);
            foreach (var token in sample)
            {
                if ((uint)token >= (uint)model.Vocab)
                {
                    throw new InvalidDataException(
                        $"Sample {pass.FirstPosition + s} holds token {token}; the model's vocabulary is {model.Vocab}.");
                }
            }

            sample[..time].CopyTo(inputs.AsSpan(s * time));
            sample[1..].CopyTo(targets.AsSpan(s * time));
        }
    }
}
