using Coordinator.Machines.Jobs;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>
/// What the forward pass keeps for the backward pass, and the gradients on their way back, for B sequences of T tokens (N = B T rows)
/// in one buffer that is allocated once. For each layer 16 C + H + 4 floats a row, and about V + 9 C for the whole: for GPT-2 124M at 8
/// sequences of 1,024 tokens 6.3 GiB. Every part begins at a multiple of 256 bytes. All row-major.
/// </summary>
internal sealed class GptDeviceActivations : IDisposable
{
    private const int Alignment = 64; // floats; what ILGPU takes for granted of a view that is handed to a kernel

    private readonly MemoryBuffer1D<float, Stride1D.Dense> buffer;
    private long used;

    public GptDeviceActivations(Accelerator accelerator, ModelSpec model, int batch)
    {
        buffer = accelerator.Allocate1D<float>(Floats(model, batch));
        long rows = (long)batch * model.Block, c = model.Channels;
        Layers = new Layer[model.Layers];
        for (var i = 0; i < model.Layers; i++)
        {
            Layers[i] = new Layer
            {
                Input = Take(rows * c),
                Norm1 = Take(rows * c),
                Mean1 = Take(rows),
                Rstd1 = Take(rows),
                Qkv = Take(rows * 3 * c),
                LogSums = Take(rows * model.Heads),
                Attended = Take(rows * c),
                Middle = Take(rows * c),
                Norm2 = Take(rows * c),
                Mean2 = Take(rows),
                Rstd2 = Take(rows),
                Expanded = Take(rows * 4 * c),
                Activated = Take(rows * 4 * c),
            };
        }

        Output = Take(rows * c);
        Normed = Take(rows * c);
        NormedMean = Take(rows);
        NormedRstd = Take(rows);
        Logits = Take(rows * model.Vocab);
        DStream = Take(rows * c);
        DNarrow = Take(rows * c);
        DMasked = Take(rows * c);
        DWide = Take(rows * 4 * c);
        Dots = Take(rows * model.Heads);
        Partial = Take(PartialFloats(rows, c));
    }

    public Layer[] Layers { get; }

    /// <summary>Residual stream after the last layer, [N, C].</summary>
    public ArrayView<float> Output { get; }

    /// <summary>After the final norm, [N, C].</summary>
    public ArrayView<float> Normed { get; }

    public ArrayView<float> NormedMean { get; }

    public ArrayView<float> NormedRstd { get; }

    /// <summary>[N, V]; the backward pass finds the loss's gradient here.</summary>
    public ArrayView<float> Logits { get; }

    /// <summary>Gradient of the residual stream, [N, C].</summary>
    public ArrayView<float> DStream { get; }

    /// <summary>Gradient of a [N, C] value between.</summary>
    public ArrayView<float> DNarrow { get; }

    /// <summary>Masked copy of <see cref="DStream"/>, or what is to be masked on the way forward, [N, C].</summary>
    public ArrayView<float> DMasked { get; }

    /// <summary>Gradient of q, k, v or of the wide layer, [N, 4C].</summary>
    public ArrayView<float> DWide { get; }

    /// <summary>Scratch of the attention's backward pass, [B, H, T].</summary>
    public ArrayView<float> Dots { get; }

    /// <summary>Scratch of sums over rows, [N / 64, 4C].</summary>
    public ArrayView<float> Partial { get; }

    /// <summary>Size of the buffer in floats.</summary>
    public static long Floats(ModelSpec model, int batch)
    {
        long rows = (long)batch * model.Block, c = model.Channels;
        var layer = (5 * Aligned(rows * c)) + (4 * Aligned(rows)) + Aligned(
            rows * 3 * c) + Aligned(rows * model.Heads) + (2 * Aligned(rows * 4 * c));
        var rest = (5 * Aligned(rows * c)) + (2 * Aligned(rows)) + Aligned(rows * model.Vocab) + Aligned(rows * 4 * c)
            + Aligned(rows * model.Heads) + Aligned(PartialFloats(rows, c));
        return (model.Layers * layer) + rest;
    }

    public void Dispose() => buffer.Dispose();

    private static long PartialFloats(long rows, long channels) => (rows + 63) / 64 * 4 * channels;

    private static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private ArrayView<float> Take(long length)
    {
        var view = buffer.View.AsContiguous().SubView(used, length);
        used += Aligned(length);
        return view;
    }

    /// <summary>One layer's values, in the order in which they are computed.</summary>
    internal sealed class Layer
    {
        /// <summary>Residual stream before the layer, [N, C].</summary>
        public required ArrayView<float> Input { get; init; }

        /// <summary>[N, C]</summary>
        public required ArrayView<float> Norm1 { get; init; }

        public required ArrayView<float> Mean1 { get; init; }

        public required ArrayView<float> Rstd1 { get; init; }

        /// <summary>[N, 3C]</summary>
        public required ArrayView<float> Qkv { get; init; }

        /// <summary>Logarithms of the sums of exponentials, [B, H, T].</summary>
        public required ArrayView<float> LogSums { get; init; }

        /// <summary>Attention's output, [N, C].</summary>
        public required ArrayView<float> Attended { get; init; }

        /// <summary>Residual stream after attention, [N, C].</summary>
        public required ArrayView<float> Middle { get; init; }

        /// <summary>[N, C]</summary>
        public required ArrayView<float> Norm2 { get; init; }

        public required ArrayView<float> Mean2 { get; init; }

        public required ArrayView<float> Rstd2 { get; init; }

        /// <summary>Before GELU, [N, 4C].</summary>
        public required ArrayView<float> Expanded { get; init; }

        /// <summary>After GELU, [N, 4C].</summary>
        public required ArrayView<float> Activated { get; init; }
    }
}
