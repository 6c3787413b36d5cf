using Coordinator.Tests.Support;
using Coordinator.Worker.Kernels;
using static Coordinator.Tests.Support.KernelBuffers;

namespace Coordinator.Tests.Compute;

/// <summary>Runs one kernel on made-up inputs and returns everything it wrote, so that widths can be compared.</summary>
internal static unsafe class KernelRun
{
    /// <summary>Kernels by name, each over shapes that leave tails.</summary>
    public static readonly Dictionary<string, Func<IKernels, float[]>> All = new()
    {
        ["matmul"] = k => MatMul(k, false, false, 37, 45, 403),
        ["matmul, left transposed"] = k => MatMul(k, true, false, 101, 33, 70),
        ["matmul, right transposed"] = k => MatMul(k, false, true, 13, 70, 205),
        ["matmul, both transposed"] = k => MatMul(k, true, true, 9, 31, 17),
        ["matmul of whole tiles"] = k => MatMul(k, false, false, 96, 64, 192),
        ["matmul of one row"] = k => MatMul(k, false, true, 1, 5, 3),
        ["add"] = k => On([Random(77, 1), Random(77, 2)], p => k.Add(p[0], p[1], 77)),
        ["add row"] = k => On([Random(5 * 37, 1), Random(37, 2), new float[5 * 37]], p => k.AddRow(p[0], p[1], p[2], 5, 37)),
        ["repeat row"] = k => On([Random(37, 2), new float[5 * 37]], p => k.AddRow(null, p[0], p[1], 5, 37)),
        ["column sums"] = k => On([Random(11 * 71, 1), Random(71, 2)], p => k.ColumnSums(p[0], 11, 71, p[1], true)),
        ["column sums, overwriting"] = k => On([Random(11 * 71, 1), Random(71, 2)], p => k.ColumnSums(p[0], 11, 71, p[1], false)),
        ["norm"] = k => On(
            [Random(7 * 43, 1), Random(43, 2), Random(43, 3), new float[7 * 43], new float[7], new float[7]],
            p => k.LayerNorm(p[0], p[1], p[2], p[3], p[4], p[5], 7, 43)),
        ["norm backward"] = k => NormBackward(k, true),
        ["norm backward, overwriting"] = k => NormBackward(k, false),
        ["gelu"] = k => On([Random(203, 1, 3), new float[203]], p => k.Gelu(p[0], p[1], 203)),
        ["gelu backward"] = k => On([Random(203, 1, 3), Random(203, 2)], p => k.GeluBackward(p[0], p[1], 203)),
        ["cross-entropy"] = CrossEntropy,
        ["attention"] = k => Attention(k, 0, 41, 3, 7),
        ["attention over two blocks with whole lanes"] = k => Attention(k, 0, 64, 2, 32),
        ["attention with dropout"] = k => Attention(k, 0.3, 41, 3, 7),
        ["attention over more time than a block of terms"] = k => Attention(k, 0, 230, 1, 8),
        ["adamw"] = k => On(
            [Random(91, 1), Random(91, 2), Squared(91, 3), Random(91, 4)],
            p => k.AdamW(p[0], p[1], p[2], p[3], 91, new AdamWStep(0.5f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.3f, 1e-8f, 0.99f))),
        ["sum of squares"] = k =>
        {
            double sum = 0;
            On([Random(1013, 1)], p => sum = k.SumOfSquares(p[0], 1013));
            return [(float)sum, (float)(sum - (float)sum)];
        },
    };

    /// <summary>Calls that are large enough to be handed out to threads.</summary>
    public static readonly Dictionary<string, Func<IKernels, float[]>> Large = new()
    {
        ["large matmul"] = k => MatMul(k, false, true, 131, 97, 205),
        ["large matmul, left transposed"] = k => MatMul(k, true, false, 131, 97, 205),
        ["large add"] = k => On([Random(40_001, 1), Random(40_001, 2)], p => k.Add(p[0], p[1], 40_001)),
        ["large add row"] = k => On([Random(999 * 37, 1), Random(37, 2), new float[999 * 37]], p => k.AddRow(p[0], p[1], p[2], 999, 37)),
        ["large norm"] = k => On(
            [Random(999 * 37, 1), Random(37, 2), Random(37, 3), new float[999 * 37], new float[999], new float[999]],
            p => k.LayerNorm(p[0], p[1], p[2], p[3], p[4], p[5], 999, 37)),
        ["large gelu"] = k => On([Random(40_001, 1), new float[40_001]], p => k.Gelu(p[0], p[1], 40_001)),
        ["large gelu backward"] = k => On([Random(40_001, 1), Random(40_001, 2)], p => k.GeluBackward(p[0], p[1], 40_001)),
        ["large adamw"] = k => On(
            [Random(40_001, 1), Random(40_001, 2), Squared(40_001, 3), Random(40_001, 4)],
            p => k.AdamW(p[0], p[1], p[2], p[3], 40_001, new AdamWStep(0.5f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.3f, 1e-8f, 0.99f))),
    };

    private static float[] On(float[][] arrays, KernelBuffers.PointerAction run) => KernelBuffers.Run(arrays, run);

    private static float[] MatMul(IKernels k, bool ta, bool tb, int m, int n, int terms)
    {
        // Rows are longer than the matrices, as they are for the heads of attention.
        int lda = (ta ? m : terms) + 3, ldb = (tb ? terms : n) + 2, ldc = n + 1;
        float[] a = Random((ta ? terms : m) * lda, 1), b = Random((tb ? n : terms) * ldb, 2), c = Random(m * ldc, 3);
        return
        [
            .. On([a, b, c], p => k.MatMul(ta, tb, m, n, terms, p[0], lda, p[1], ldb, p[2], ldc, false)),
            .. On([a, b, c], p => k.MatMul(ta, tb, m, n, terms, p[0], lda, p[1], ldb, p[2], ldc, true)),
        ];
    }

    private static float[] NormBackward(IKernels k, bool accumulate) => On(
        [Random(7 * 43, 1), Random(7 * 43, 2), Random(43, 3), Random(7, 4), Squared(7, 5), Random(7 * 43, 6), Random(43, 7), Random(43, 8)],
        p => k.LayerNormBackward(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], 7, 43, accumulate));

    private static float[] CrossEntropy(IKernels k)
    {
        int[] targets = [3, 0, 66, 20, 16];
        double loss = 0;
        var gradients = On([Random(5 * 67, 1, 4)], p =>
        {
            fixed (int* t = targets) loss = k.CrossEntropy(p[0], t, 5, 67);
        });
        return [(float)loss, .. gradients];
    }

    private static float[] Attention(IKernels k, double dropout, int time, int heads, int size)
    {
        var channels = heads * size;
        AttentionShape shape = new(2, time, channels, heads);
        DropoutPlan plan = new(9, dropout, 1234567890123, 6);
        float[] qkv = Random(2 * time * 3 * channels, 1), doutput = Random(2 * time * channels, 2);
        var all = On(
            [new float[2 * heads * time * time], qkv, new float[2 * time * channels], doutput, new float[qkv.Length]],
            p =>
            {
                k.Attention(p[1], p[0], p[2], shape, plan);
                k.AttentionBackward(p[1], p[0], p[3], p[4], shape, plan);
            });

        // Probabilities right of the diagonal are of no use and differ.
        for (var i = 0; i < 2 * heads * time * time; i++)
        {
            if (i % time > i / time % time) all[i] = 0;
        }

        return all;
    }
}
