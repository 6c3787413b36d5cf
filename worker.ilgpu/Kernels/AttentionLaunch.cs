using Coordinator.Worker.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Compiles the attention kernels for a head size, and launches them.</summary>
internal sealed class AttentionLaunch
{
    /// <summary>The largest head that the kernels have room for.</summary>
    public const int MaxHeadSize = 256;

    private readonly KernelTuning tuning;
    private readonly int rows;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionArguments,
        DropoutMask> forward;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, int,
        AttentionArguments> dots;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, AttentionArguments, DropoutMask> keys;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, AttentionArguments, DropoutMask> queries;

    /// <exception cref="ArgumentOutOfRangeException">A head is larger than <see cref="MaxHeadSize"/>.</exception>
    public AttentionLaunch(Accelerator accelerator, KernelTuning tuning, int headSize)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(headSize, MaxHeadSize);
        this.tuning = tuning;
        dots = accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, int, AttentionArguments>(
            AttentionBackward.Dots);
        (rows, forward, keys, queries) = headSize switch
        {
            <= 16 => Load<Heads16>(accelerator),
            <= 64 => Load<Heads64>(accelerator),
            <= 128 => Load<Heads128>(accelerator),
            _ => Load<Heads256>(accelerator),
        };
    }

    /// <summary>Overwrites output [B, T, C] and logSums [B, H, T].</summary>
    public void Forward(
        AcceleratorStream stream,
        ArrayView<float> qkv,
        ArrayView<float> output,
        ArrayView<float> logSums,
        AttentionShape shape,
        DropoutPlan dropout) =>
        forward(stream, Heads(shape), qkv, output, logSums, new AttentionArguments(shape), new DropoutMask(dropout));

    /// <summary>Overwrites dqkv [B, T, 3C] and dots [B, H, T], which is scratch.</summary>
    public void Backward(
        AcceleratorStream stream, ArrayView<float> qkv, ArrayView<float> output, ArrayView<float> logSums, ArrayView<float> doutput,
        ArrayView<float> dots, ArrayView<float> dqkv, AttentionShape shape, DropoutPlan dropout)
    {
        AttentionArguments arguments = new(shape);
        DropoutMask mask = new(dropout);
        var queries = shape.Batch * shape.Heads * shape.Time;
        this.dots(stream, LaunchSizes.Elements(tuning, queries), doutput, output, dots, queries, arguments);
        keys(stream, Heads(shape), qkv, doutput, logSums, dots, dqkv, arguments, mask);
        this.queries(stream, Heads(shape), qkv, doutput, logSums, dots, dqkv, arguments, mask);
    }

    private KernelConfig Heads(AttentionShape shape) =>
        LaunchSizes.Heads(tuning, (shape.Time + rows - 1) / rows, shape.Batch * shape.Heads);

    private static (
        int Rows,
        Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionArguments,
            DropoutMask> Forward,
        Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            AttentionArguments, DropoutMask> Keys,
        Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            AttentionArguments, DropoutMask> Queries)
        Load<TTiling>(Accelerator accelerator)
        where TTiling : struct, IAttentionTiling => (
            default(TTiling).Rows,
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionArguments, DropoutMask>(
                AttentionForward.Run<TTiling>),
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                AttentionArguments, DropoutMask>(
                AttentionBackward.Keys<TTiling>),
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                AttentionArguments, DropoutMask>(
                AttentionBackward.Queries<TTiling>));
}
