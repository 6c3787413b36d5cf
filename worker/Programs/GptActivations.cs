using Coordinator.Machines.Jobs;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>
/// What the forward pass keeps for the backward pass, and the gradients on their way back, for B sequences of T tokens
/// (N = B T rows) in one buffer. All row-major.
/// </summary>
internal sealed unsafe class GptActivations : IDisposable
{
    private readonly AlignedBuffer buffer;

    public GptActivations(ModelSpec model, int batch, int time, bool training)
    {
        long rows = (long)batch * time, channels = model.Channels;
        var square = checked((long)batch * model.Heads * time * time);
        Rows = checked((int)rows);

        // Two rounds over the same takes: one to measure, one to place.
        var total = Place(null, model.Layers, rows, channels, square, model.Vocab, training);
        buffer = new AlignedBuffer(total);
        Place(buffer.Pointer, model.Layers, rows, channels, square, model.Vocab, training);
    }

    /// <summary>N.</summary>
    public int Rows { get; }

    /// <summary>Of each layer; without training all layers share the first one's.</summary>
    public Layer[] Layers { get; private set; } = [];

    /// <summary>Residual stream after the last layer, [N, C].</summary>
    public float* Output { get; private set; }

    /// <summary>After the final norm, [N, C].</summary>
    public float* Normed { get; private set; }

    public float* NormedMean { get; private set; }

    public float* NormedRstd { get; private set; }

    /// <summary>[N, V]; the backward pass finds the loss's gradient here.</summary>
    public float* Logits { get; private set; }

    /// <summary>Gradient of the residual stream, [N, C].</summary>
    public float* DStream { get; private set; }

    /// <summary>Gradient of a [N, C] value between.</summary>
    public float* DNarrow { get; private set; }

    /// <summary>Masked copy of <see cref="DStream"/>, [N, C].</summary>
    public float* DMasked { get; private set; }

    /// <summary>Gradient of q, k, v or of the wide layer, [N, 4C].</summary>
    public float* DWide { get; private set; }

    public void Dispose() => buffer.Dispose();

    private long Place(float* start, int layers, long rows, long channels, long square, int vocab, bool training)
    {
        long used = 0;
        float* Take(long length)
        {
            var place = start == null ? null : start + used;
            used += (length + 15) & ~15L;
            return place;
        }

        Layers = new Layer[layers];
        for (var i = 0; i < layers; i++)
        {
            if (i > 0 && !training)
            {
                Layers[i] = Layers[0];
                continue;
            }

            Layers[i] = new Layer
            {
                Input = Take(rows * channels),
                Norm1 = Take(rows * channels),
                Mean1 = Take(rows),
                Rstd1 = Take(rows),
                Qkv = Take(rows * 3 * channels),
                Probabilities = Take(square),
                Attended = Take(rows * channels),
                Middle = Take(rows * channels),
                Norm2 = Take(rows * channels),
                Mean2 = Take(rows),
                Rstd2 = Take(rows),
                Expanded = Take(rows * 4 * channels),
                Activated = Take(rows * 4 * channels),
            };
        }

        Output = training ? Take(rows * channels) : Layers[0].Input;
        Normed = Take(rows * channels);
        NormedMean = Take(rows);
        NormedRstd = Take(rows);
        Logits = Take(rows * vocab);
        if (training)
        {
            DStream = Take(rows * channels);
            DNarrow = Take(rows * channels);
            DWide = Take(rows * 4 * channels);
        }

        DMasked = Take(rows * channels);
        return used;
    }

    /// <summary>One layer's values, in the order in which they are computed.</summary>
    internal sealed class Layer
    {
        /// <summary>Residual stream before the layer, [N, C].</summary>
        public float* Input { get; init; }

        /// <summary>[N, C]</summary>
        public float* Norm1 { get; init; }

        public float* Mean1 { get; init; }

        public float* Rstd1 { get; init; }

        /// <summary>[N, 3C]</summary>
        public float* Qkv { get; init; }

        /// <summary>[B, H, T, T]</summary>
        public float* Probabilities { get; init; }

        /// <summary>Attention's output, [N, C].</summary>
        public float* Attended { get; init; }

        /// <summary>Residual stream after attention, [N, C].</summary>
        public float* Middle { get; init; }

        /// <summary>[N, C]</summary>
        public float* Norm2 { get; init; }

        public float* Mean2 { get; init; }

        public float* Rstd2 { get; init; }

        /// <summary>Before GELU, [N, 4C].</summary>
        public float* Expanded { get; init; }

        /// <summary>After GELU, [N, 4C].</summary>
        public float* Activated { get; init; }
    }
}
