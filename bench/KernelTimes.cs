using System.Diagnostics;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Bench;

/// <summary>Where the time of one micro-batch of model S goes: the best of repeated calls of each kernel at its shapes.</summary>
internal static unsafe class KernelTimes
{
    public static void Print(VectorWidth width)
    {
        const int Rows = 512, C = 128, V = 256;
        AttentionShape shape = new(4, 128, C, 4);
        using var kernels = KernelFactory.Create(width);
        using AlignedBuffer x = Filled(Rows * 4 * C, 1), y = Filled(Rows * 4 * C, 2), w = Filled(4 * C * 4 * C, 3), z = new(Rows * 4 * C);
        using AlignedBuffer p = new(4L * 4 * 128 * 128), row = Filled(4 * C, 4), mean = new(Rows), rstd = new(Rows);
        var targets = new int[Rows];
        float* px = x.Pointer, py = y.Pointer, pw = w.Pointer, pz = z.Pointer, pp = p.Pointer, pr = row.Pointer;
        float* pm = mean.Pointer, ps = rstd.Pointer;

        Time("matmul forward qkv", 4, () => kernels.MatMul(false, false, Rows, 3 * C, C, px, C, pw, 3 * C, pz, 3 * C, true));
        Time("matmul forward proj", 4, () => kernels.MatMul(false, false, Rows, C, C, px, C, pw, C, pz, C, true));
        Time("matmul forward expand", 4, () => kernels.MatMul(false, false, Rows, 4 * C, C, px, C, pw, 4 * C, pz, 4 * C, true));
        Time("matmul forward contract", 4, () => kernels.MatMul(false, false, Rows, C, 4 * C, px, 4 * C, pw, C, pz, C, true));
        Time("matmul dw expand", 4, () => kernels.MatMul(true, false, C, 4 * C, Rows, px, C, py, 4 * C, pz, 4 * C, true));
        Time("matmul dw contract", 4, () => kernels.MatMul(true, false, 4 * C, C, Rows, px, 4 * C, py, C, pz, C, true));
        Time("matmul dx expand", 4, () => kernels.MatMul(false, true, Rows, C, 4 * C, px, 4 * C, pw, 4 * C, pz, C, false));
        Time("matmul dx contract", 4, () => kernels.MatMul(false, true, Rows, 4 * C, C, px, C, pw, C, pz, 4 * C, false));
        Time("matmul logits", 1, () => kernels.MatMul(false, true, Rows, V, C, px, C, pw, C, pz, V, false));
        Time("norm", 9, () => kernels.LayerNorm(px, pr, pr, pz, pm, ps, Rows, C));
        Time("norm backward", 9, () => kernels.LayerNormBackward(py, px, pr, pm, ps, pz, pw, pw + C, Rows, C, true));
        Time("gelu", 4, () => kernels.Gelu(px, pz, Rows * 4 * C));
        Time("gelu backward", 4, () => kernels.GeluBackward(px, pz, Rows * 4 * C));
        Time("add row 4C", 4, () => kernels.AddRow(null, pr, pz, Rows, 4 * C));
        Time("column sums 4C", 4, () => kernels.ColumnSums(px, Rows, 4 * C, pz, true));
        Time("attention", 4, () => kernels.Attention(px, pp, pz, shape, default));
        Time("attention backward", 4, () => kernels.AttentionBackward(px, pp, py, pz, shape, default));
        Time("cross-entropy", 1, () =>
        {
            fixed (int* t = targets) kernels.CrossEntropy(px, t, Rows, V);
        });
        Time(
            "adamw, 0.84M",
            0.25,
            () => kernels.AdamW(px, py, pw, pz, 4 * C * 4 * C, new AdamWStep(1, 0.1f, 0.99f, 0.01f, 1e-3f, 1, 1e-8f, 1)),
            840000.0 / (16 * C * C));
    }

    private static AlignedBuffer Filled(int count, uint part)
    {
        AlignedBuffer buffer = new(count);
        new RandomStream(1, RandomUse.SyntheticData, part).FillNormal(buffer.Span(0, count), 1);
        return buffer;
    }

    private static void Time(string name, double timesInMicroBatch, Action run, double factor = 1)
    {
        var best = double.MaxValue;
        var whole = Stopwatch.StartNew();
        while (whole.Elapsed.TotalSeconds < 0.2)
        {
            var watch = Stopwatch.StartNew();
            run();
            best = Math.Min(best, watch.Elapsed.TotalMicroseconds);
        }

        Console.WriteLine(
            $"{name,-24} {best * factor,9:F0} us, {best * factor * timesInMicroBatch,9:F0} us in a micro-batch of 512 tokens");
    }
}
