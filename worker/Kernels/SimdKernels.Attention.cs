using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

internal sealed unsafe partial class SimdKernels<T>
{
    // Rows handled together. What lies right of the diagonal inside a block is computed and thrown away (times zero); what lies
    // beyond the block is never touched. Part of the device class, since it says where sums over time end.
    private const int TimeBlock = 32;

    private AlignedBuffer? attentionScratch;

    public void Attention(float* qkv, float* probabilities, float* output, AttentionShape shape, DropoutPlan dropout)
    {
        var (time, channels, size, row) = (shape.Time, shape.Channels, shape.HeadSize, 3 * shape.Channels);
        var scale = 1f / MathF.Sqrt(size);
        var left = scratch.Left();
        var packedK = scratch.Right(0, PackedRight<T>.Length(size, time));
        var packedV = scratch.Right(1, PackedRight<T>.Length(time, size));
        var kept = dropout.IsActive ? AttentionScratch((long)time * TimeBlock) : null;
        for (var b = 0; b < shape.Batch; b++)
        {
            for (var h = 0; h < shape.Heads; h++)
            {
                float* q = qkv + (long)b * time * row + h * size, k = q + channels, v = k + channels;
                var p = probabilities + ((long)b * shape.Heads + h) * time * time;
                var y = output + (long)b * time * channels + h * size;
                PackedRight<T>.Pack(packedK, k, row, true, size, time);
                PackedRight<T>.Pack(packedV, v, row, false, time, size);
                for (var t0 = 0; t0 < time; t0 += TimeBlock)
                {
                    int t1 = Math.Min(t0 + TimeBlock, time), rows = t1 - t0;
                    var block = p + (long)t0 * time;
                    MatMulBlocks<T>.Multiply(
                        new LeftMatrix(q + (long)t0 * row, row, 1), packedK, size, time, rows, t1, 0, size, block, time, false, left);
                    for (var t = t0; t < t1; t++)
                    {
                        // The future is minus infinity, whose softmax is exactly 0; so rows of a block have one length.
                        new Span<float>(p + (long)t * time + t + 1, t1 - t - 1).Fill(float.NegativeInfinity);
                        Softmax(p + (long)t * time, t1, scale);
                    }

                    if (dropout.IsActive) block = MaskedCopy(kept, block, rows, time, t1, b, ((long)h * time + t0) * time, dropout);
                    MatMulBlocks<T>.Multiply(
                        new LeftMatrix(block, time, 1),
                        packedV,
                        time,
                        size,
                        rows,
                        size,
                        0,
                        t1,
                        y + (long)t0 * channels,
                        channels,
                        false,
                        left);
                }
            }
        }
    }

    public void AttentionBackward(float* qkv, float* probabilities, float* doutput, float* dqkv, AttentionShape shape, DropoutPlan dropout)
    {
        var (time, channels, size, row) = (shape.Time, shape.Channels, shape.HeadSize, 3 * shape.Channels);
        var scale = 1f / MathF.Sqrt(size);
        var left = scratch.Left();
        var packedQ = scratch.Right(0, PackedRight<T>.Length(time, size));
        var packedK = scratch.Right(1, PackedRight<T>.Length(time, size));
        var packedV = scratch.Right(2, PackedRight<T>.Length(size, time));
        var packedDy = scratch.Right(3, PackedRight<T>.Length(time, size));
        var square = (long)time * time;
        float* ds = AttentionScratch(2 * square), kept = ds + square;
        for (var b = 0; b < shape.Batch; b++)
        {
            for (var h = 0; h < shape.Heads; h++)
            {
                var start = (long)b * time * row + h * size;
                float* q = qkv + start, k = q + channels, v = k + channels;
                float* dq = dqkv + start, dk = dq + channels, dv = dk + channels;
                var p = probabilities + ((long)b * shape.Heads + h) * square;
                var dy = doutput + (long)b * time * channels + h * size;
                PackedRight<T>.Pack(packedQ, q, row, false, time, size);
                PackedRight<T>.Pack(packedK, k, row, false, time, size);
                PackedRight<T>.Pack(packedV, v, row, true, size, time);
                PackedRight<T>.Pack(packedDy, dy, channels, false, time, size);

                // Rows: dP = dy v', through dropout; dS = P (dP - sum(dP P)) scale; dq = dS k.
                for (var t0 = 0; t0 < time; t0 += TimeBlock)
                {
                    int t1 = Math.Min(t0 + TimeBlock, time), rows = t1 - t0;
                    var block = ds + (long)t0 * time;
                    MatMulBlocks<T>.Multiply(
                        new LeftMatrix(dy + (long)t0 * channels, channels, 1),
                        packedV,
                        size,
                        time,
                        rows,
                        t1,
                        0,
                        size,
                        block,
                        time,
                        false,
                        left);
                    if (dropout.IsActive)
                    {
                        var first = ((long)h * time + t0) * time;
                        MaskedCopy(kept + (long)t0 * time, p + (long)t0 * time, rows, time, t1, b, first, dropout);
                        MaskedCopy(block, block, rows, time, t1, b, first, dropout);
                    }

                    for (var t = t0; t < t1; t++) SoftmaxBackward(p + (long)t * time, ds + (long)t * time, t1, scale);
                    MatMulBlocks<T>.Multiply(
                        new LeftMatrix(block, time, 1), packedK, time, size, rows, size, 0, t1, dq + (long)t0 * row, row, false, left);
                }

                // Columns: dv = P' dy, dk = dS' q; rows above the diagonal block hold nothing for these columns.
                var weights = dropout.IsActive ? kept : p;
                for (var j0 = 0; j0 < time; j0 += TimeBlock)
                {
                    var columns = Math.Min(TimeBlock, time - j0);
                    MatMulBlocks<T>.Multiply(
                        new LeftMatrix(weights + j0, 1, time),
                        packedDy,
                        time,
                        size,
                        columns,
                        size,
                        j0,
                        time,
                        dv + (long)j0 * row,
                        row,
                        false,
                        left);
                    MatMulBlocks<T>.Multiply(
                        new LeftMatrix(ds + j0, 1, time),
                        packedQ,
                        time,
                        size,
                        columns,
                        size,
                        j0,
                        time,
                        dk + (long)j0 * row,
                        row,
                        false,
                        left);
                }
            }
        }
    }

    /// <summary>d = p (d - sum(d p)) scale in place over one row; the sum by lanes and tree.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxBackward(float* p, float* d, int count, float scale)
    {
        int whole = count & ~15, rest = count & 15;
        var sum = T.Broadcast(0f);
        for (var i = 0; i < whole; i += 16) sum = T.Fma(T.Load(p + i), T.Load(d + i), sum);
        if (rest != 0) sum = T.Fma(LaneMath.LoadPartial<T>(p + whole, rest, 0f), LaneMath.LoadPartial<T>(d + whole, rest, 0f), sum);
        var dot = T.Sum(sum);
        T shift = T.Broadcast(dot), factor = T.Broadcast(scale);
        for (var i = 0; i < whole; i += 16)
            T.Store(T.Multiply(T.Multiply(T.Load(p + i), T.Subtract(T.Load(d + i), shift)), factor), d + i);

        for (var i = whole; i < count; i++) d[i] = p[i] * (d[i] - dot) * scale;
    }

    /// <summary>Rows [rows, stride] up to <paramref name="columns"/>, copied and masked; the two may be the same.</summary>
    private static float* MaskedCopy(
        float* to, float* from, int rows, int stride, int columns, int sequence, long firstElement, DropoutPlan dropout)
    {
        for (long r = 0; r < rows; r++)
        {
            Span<float> target = new(to + r * stride, columns);
            if (to != from) new ReadOnlySpan<float>(from + r * stride, columns).CopyTo(target);
            dropout.Apply(sequence, firstElement + r * stride, target);
        }

        return to;
    }

    private float* AttentionScratch(long length)
    {
        if (attentionScratch is { } held && held.Length >= length) return held.Pointer;
        attentionScratch?.Dispose();
        attentionScratch = new AlignedBuffer(length);
        return attentionScratch.Pointer;
    }
}
