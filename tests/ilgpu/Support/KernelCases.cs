using Coordinator.Tests.Support;
using Coordinator.Worker.Kernels;
using ILGPU;
using static Coordinator.Tests.Support.KernelBuffers;

namespace Coordinator.Tests.Ilgpu.Support;

/// <summary>
/// Each kernel once on the device and once by the formula, on made-up inputs of awkward shapes: what both wrote, end to end.
/// </summary>
internal static unsafe class KernelCases
{
    public static readonly Dictionary<string, (Func<TestDevice, float[]> Device, Func<PlainKernels, float[]> Plain)> All = new()
    {
        ["matmul"] = MatMul(false, false, 37, 45, 71),
        ["matmul, left transposed"] = MatMul(true, false, 33, 70, 40),
        ["matmul, right transposed"] = MatMul(false, true, 13, 70, 45),
        ["matmul, both transposed"] = MatMul(true, true, 9, 31, 17),
        ["matmul of whole tiles"] = MatMul(false, false, 64, 32, 16),
        ["matmul of fours"] = MatMul(true, false, 36, 44, 20),
        ["matmul of one row"] = MatMul(false, true, 1, 5, 3),
        ["matmul of one term"] = MatMul(false, false, 6, 35, 1),
        ["add"] = (
            d => Run(d, [Random(77, 1), Random(77, 2)], v => d.Kernels.Add(v[0], v[1])),
            k => Run([Random(77, 1), Random(77, 2)], p => k.Add(p[0], p[1], 77))),
        ["gelu"] = (
            d => Run(d, [Random(203, 1, 3), new float[203]], v => d.Kernels.Gelu(v[0], v[1])),
            k => Run([Random(203, 1, 3), new float[203]], p => k.Gelu(p[0], p[1], 203))),
        ["gelu backward"] = (
            d => Run(d, [Random(203, 1, 3), Random(203, 2)], v => d.Kernels.GeluBackward(v[0], v[1])),
            k => Run([Random(203, 1, 3), Random(203, 2)], p => k.GeluBackward(p[0], p[1], 203))),
        ["norm"] = Norm(7, 43),
        ["norm of one channel a lane"] = Norm(3, 128),
        ["norm of one channel"] = Norm(2, 1),
        ["norm backward"] = NormBackward(true),
        ["norm backward, overwriting"] = NormBackward(false),
        ["column sums"] = ColumnSums(131, 71, true),
        ["column sums, overwriting"] = ColumnSums(64, 5, false),
        ["cross-entropy"] = CrossEntropy(5, 67),
        ["cross-entropy over more than the lanes"] = CrossEntropy(3, 300),
        ["attention of one token"] = Attention(0, 1, 2, 4),
        ["attention"] = Attention(0, 41, 3, 7),
        ["attention over whole tiles"] = Attention(0, 64, 1, 16),
        ["attention with dropout"] = Attention(0.3, 41, 2, 5),
        ["attention, heads of 20"] = Attention(0.1, 35, 1, 20),
        ["attention, heads of 66"] = Attention(0, 19, 1, 66),
        ["attention, heads of 132"] = Attention(0, 9, 1, 132),
        ["adamw"] = (
            d => Run(d, [Random(91, 1), Random(91, 2), Squared(91, 3), Random(91, 4)], v => d.Kernels.AdamW(v[0], v[1], v[2], v[3], Step)),
            k => Run([Random(91, 1), Random(91, 2), Squared(91, 3), Random(91, 4)], p => k.AdamW(p[0], p[1], p[2], p[3], 91, Step))),
        ["dropout"] = (
            d => Run(d, [Random(3 * 29, 1)], v => d.Kernels.Dropout(v[0], v[0], 3, Plan(0.4))),
            k => Run([Random(3 * 29, 1)], p =>
            {
                for (var b = 0; b < 3; b++) Plan(0.4).Apply(b, 0, new Span<float>(p[0] + (b * 29), 29));
            })),
        ["embedding backward"] = (EmbeddingOnDevice, EmbeddingPlain),
    };

    private static AdamWStep Step => new(0.5f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.3f, 1e-8f, 0.99f);

    // Any position: more than 32 bits of it count.
    private static DropoutPlan Plan(double probability) => new(9, probability, 1234567890123, 6);

    private static (Func<TestDevice, float[]>, Func<PlainKernels, float[]>) MatMul(bool ta, bool tb, int m, int n, int terms)
    {
        // Bare; with a bias and onto a residual stream; and onto itself.
        float[] a = Random(m * terms, 1), b = Random(terms * n, 2), c = Random(m * n, 3), row = Random(n, 4);
        return (
            d =>
            [
                .. Run(d, [a, b, c], v => d.Kernels.MatMul(ta, tb, m, n, terms, v[0], v[1], v[2])),
                .. Run(d, [a, b, new float[m * n], row, c], v => d.Kernels.MatMul(ta, tb, m, n, terms, v[0], v[1], v[2], v[3], v[4])),
                .. Run(d, [a, b, c], v => d.Kernels.MatMul(ta, tb, m, n, terms, v[0], v[1], v[2], matrix: v[2])),
            ],
            k =>
            [
                .. Run([a, b, c], p => k.MatMul(ta, tb, m, n, terms, p[0], ta ? m : terms, p[1], tb ? terms : n, p[2], n, false)),
                .. Run([a, b, new float[m * n], row, c], p =>
                {
                    k.AddRow(p[4], p[3], p[2], m, n);
                    k.MatMul(ta, tb, m, n, terms, p[0], ta ? m : terms, p[1], tb ? terms : n, p[2], n, true);
                }),
                .. Run([a, b, c], p => k.MatMul(ta, tb, m, n, terms, p[0], ta ? m : terms, p[1], tb ? terms : n, p[2], n, true)),
            ]);
    }

    private static (Func<TestDevice, float[]>, Func<PlainKernels, float[]>) Norm(int rows, int columns)
    {
        float[][] arrays =
        [
            Random(rows * columns, 1), Random(columns, 2), Random(columns, 3), new float[rows * columns], new float[rows], new float[rows],
        ];
        return (
            d => Run(d, arrays, v => d.Kernels.LayerNorm(v[0], v[1], v[2], v[3], v[4], v[5], rows, columns)),
            k => Run(arrays, p => k.LayerNorm(p[0], p[1], p[2], p[3], p[4], p[5], rows, columns)));
    }

    private static (Func<TestDevice, float[]>, Func<PlainKernels, float[]>) NormBackward(bool accumulate)
    {
        // More rows than a segment of the sums over rows.
        const int Rows = 67, Columns = 43;
        float[][] arrays =
        [
            Random(Rows * Columns, 1), Random(Rows * Columns, 2), Random(Columns, 3), Random(Rows, 4), Squared(Rows, 5),
            Random(Rows * Columns, 6), Random(Columns, 7),
            Random(Columns, 8),
        ];
        return (
            d => Run(d, arrays, v => d.Kernels.LayerNormBackward(
                v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], d.Room(2 * 2 * Columns), Rows, Columns, accumulate)),
            k => Run(arrays, p => k.LayerNormBackward(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], Rows, Columns, accumulate)));
    }

    private static (Func<TestDevice, float[]>, Func<PlainKernels, float[]>) ColumnSums(int rows, int columns, bool accumulate)
    {
        float[][] arrays = [Random(rows * columns, 1), Random(columns, 2)];
        return (
            d => Run(d, arrays, v => d.Kernels.ColumnSums(v[0], v[1], d.Room((rows + 63) / 64 * columns), rows, columns, accumulate)),
            k => Run(arrays, p => k.ColumnSums(p[0], rows, columns, p[1], accumulate)));
    }

    private static (Func<TestDevice, float[]>, Func<PlainKernels, float[]>) CrossEntropy(int rows, int columns)
    {
        int[] targets = [.. Enumerable.Range(0, rows).Select(r => (r * 31) % columns)];
        var logits = Random(rows * columns, 1, 4);
        return (
            d =>
            {
                var view = d.Put(logits);
                ArrayView<double> losses = d.Put(new double[rows]), total = d.Put(new double[] { 2.5 });
                d.Kernels.CrossEntropy(view, d.Put(targets), losses, rows, columns);
                d.Kernels.SumLosses(losses, total, accumulate: true);
                return [(float)(d.Get(total)[0] - 2.5), .. d.Get(view)];
            },
            k =>
            {
                double loss = 0;
                var gradients = Run([logits], p =>
                {
                    fixed (int* t = targets) loss = k.CrossEntropy(p[0], t, rows, columns);
                });
                return [(float)loss, .. gradients];
            }
        );
    }

    private static (Func<TestDevice, float[]>, Func<PlainKernels, float[]>) Attention(double dropout, int time, int heads, int size)
    {
        var channels = heads * size;
        AttentionShape shape = new(2, time, channels, heads);
        var plan = Plan(dropout);
        float[] qkv = Random(2 * time * 3 * channels, 1), doutput = Random(2 * time * channels, 2);
        return (
            d =>
            {
                ArrayView<float> input = d.Put(qkv), output = d.Room(
                    2 * time * channels), logSums = d.Room(2 * heads * time), dqkv = d.Room(qkv.Length);
                d.Kernels.Attention(input, output, logSums, shape, plan);
                d.Kernels.AttentionBackward(input, output, logSums, d.Put(doutput), d.Room(2 * heads * time), dqkv, shape, plan);
                return [.. d.Get(output), .. d.Get(dqkv)];
            },
            k => Run([qkv, new float[2 * time * channels], new float[qkv.Length], new float[2 * heads * time * time], doutput], p =>
            {
                k.Attention(p[0], p[3], p[1], shape, plan);
                k.AttentionBackward(p[0], p[3], p[4], p[2], shape, plan);
            })[qkv.Length..][..((2 * time * channels) + qkv.Length)]);
    }

    private static readonly int[] Tokens = [3, 1, 3, 0, 3, 6, 1, 3];

    private static float[] EmbeddingOnDevice(TestDevice d)
    {
        // Rows sorted by token, as ShardTokens makes them.
        ArrayView<float> gradient = d.Put(Random(8 * 5, 1)), words = d.Put(Random(7 * 5, 2)), places = d.Put(Random(4 * 5, 3));
        d.Kernels.EmbedBackwardPlaces(gradient, places, 2, 4, 5, accumulate: true);
        d.Kernels.EmbedBackwardWords(gradient, d.Put([3, 1, 6, 0, 2, 4, 7, 5]), d.Put([0, 1, 3, 7, 8]), d.Put([0, 1, 3, 6]), words, 4, 5);
        var x = d.Room(8 * 5);
        d.Kernels.Embed(d.Put(Tokens), words, places, x, 8, 4, 5);
        return [.. d.Get(words), .. d.Get(places), .. d.Get(x)];
    }

    private static float[] EmbeddingPlain(PlainKernels k)
    {
        float[] gradient = Random(8 * 5, 1), words = Random(7 * 5, 2), places = Random(4 * 5, 3), x = new float[8 * 5];
        for (var r = 0; r < 8; r++)
        {
            for (var j = 0; j < 5; j++)
            {
                words[(Tokens[r] * 5) + j] += gradient[(r * 5) + j];
                places[(r % 4 * 5) + j] += gradient[(r * 5) + j];
            }
        }

        for (var r = 0; r < 8; r++)
        {
            for (var j = 0; j < 5; j++) x[(r * 5) + j] = words[(Tokens[r] * 5) + j] + places[(r % 4 * 5) + j];
        }

        return [.. words, .. places, .. x];
    }

    private static float[] Run(TestDevice device, float[][] arrays, Action<ArrayView<float>[]> run)
    {
        ArrayView<float>[] views = [.. arrays.Select(device.Put)];
        run(views);
        return [.. views.SelectMany(device.Get)];
    }

    private static float[] Run(float[][] arrays, KernelBuffers.PointerAction run) => KernelBuffers.Run(arrays, run);
}
