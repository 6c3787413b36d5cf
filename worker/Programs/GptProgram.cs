using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>
/// GPT-2's architecture (Radford et al. 2019): learned positions, pre-norm blocks of causal attention and a GELU layer four times
/// as wide, the head tied to the token embedding. Tensor names, order of axes ([in, out]) and first values are those of
/// Hugging Face's GPT-2: deviation 0.02, and 0.02 / sqrt(2 layers) where a layer writes to the residual stream.
/// </summary>
public sealed class GptProgram : ITrainingProgram
{
    private readonly JobSpec spec;

    internal GptProgram(JobSpec spec)
    {
        this.spec = spec;
        Layout = LayoutOf(spec.Model);
    }

    public ParameterLayout Layout { get; }

    public bool NeedsSamples => true;

    /// <summary>The layout of a model's parameters.</summary>
    public static ParameterLayout LayoutOf(ModelSpec model)
    {
        var channels = model.Channels;
        var residual = 0.02 / Math.Sqrt(2.0 * model.Layers);
        ParameterLayout.Builder builder = new();
        builder.Normal("transformer.wte.weight", 0.02, model.Vocab, channels);
        builder.Normal("transformer.wpe.weight", 0.02, model.Block, channels);
        for (var layer = 0; layer < model.Layers; layer++)
        {
            var h = $"transformer.h.{layer}.";
            builder.Ones(h + "ln_1.weight", channels);
            builder.Zeros(h + "ln_1.bias", channels);
            builder.Normal(h + "attn.c_attn.weight", 0.02, channels, 3 * channels);
            builder.Zeros(h + "attn.c_attn.bias", 3 * channels);
            builder.Normal(h + "attn.c_proj.weight", residual, channels, channels);
            builder.Zeros(h + "attn.c_proj.bias", channels);
            builder.Ones(h + "ln_2.weight", channels);
            builder.Zeros(h + "ln_2.bias", channels);
            builder.Normal(h + "mlp.c_fc.weight", 0.02, channels, 4 * channels);
            builder.Zeros(h + "mlp.c_fc.bias", 4 * channels);
            builder.Normal(h + "mlp.c_proj.weight", residual, 4 * channels, channels);
            builder.Zeros(h + "mlp.c_proj.bias", channels);
        }

        builder.Ones("transformer.ln_f.weight", channels);
        builder.Zeros("transformer.ln_f.bias", channels);
        return builder.Build();
    }

    public IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (JobMemory.LeastBytes(spec) is var needed && needed > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
        {
            // Asked for all the same, the system would promise it, and kill the worker where the promise is called in. Another worker may
            // have it.
            throw new RankFaultException(
                FaultKind.Unknown,
                $"a rank needs at least {JobMemory.Text(needed)} of memory and this worker may use "
                    + $"{JobMemory.Text(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}; "
                + "lower model.block, training.micro_batch, model.layers or model.channels");
        }

        var kernels = KernelFactory.Create(options.Width, options.Threads);
        return new CpuDevice(spec, Layout, kernels, new GptEngine(spec, samples, kernels));
    }
}
