using System.Diagnostics;
using Coordinator.Worker.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Everything that the programs compute with, on row-major float32 matrices in a device's memory: queues kernels on one stream and
/// returns. A kernel is compiled when it is first used. One thread at a time.
/// </summary>
internal sealed class DeviceKernels(Accelerator accelerator, AcceleratorStream stream, KernelTuning tuning)
{
    private readonly MatMulLaunch matMul = new(accelerator, tuning);
    private readonly Dictionary<int, AttentionLaunch> attention = [];
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int>> add =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int>(ElementKernels.Add));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>> addTo =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(ElementKernels.AddTo));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int>> gelu =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int>(ElementKernels.Gelu));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int>> geluBackward =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int>(ElementKernels.GeluBackward));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, DropoutMask>> dropout =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int, DropoutMask>(ElementKernels.Dropout));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        int, AdamWScalars>> adamW =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, AdamWScalars>(
            ElementKernels.AdamW));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, int>> norm =
        new(() =>
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                ArrayView<float>, int>(
                NormKernels.Forward));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, int>> normBackward =
        new(() =>
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
                ArrayView<float>, int>(
                NormKernels.Backward));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, int, int>> normParameters =
        new(() =>
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int>(
                NormKernels.BackwardParameters));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int>> sumSegments =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int>(ColumnKernels.SumSegments));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int, int>> addSegments =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int, int, int>(ColumnKernels.AddSegments));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, ArrayView<double>, int>> crossEntropy =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<int>, ArrayView<double>, int>(LossKernels.CrossEntropy));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<double>, ArrayView<double>, int, int>> sumLosses =
        new(() => accelerator.LoadKernel<ArrayView<double>, ArrayView<double>, int, int>(LossKernels.Sum));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<int>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        int, int, int>> embed =
        new(() => accelerator.LoadKernel<ArrayView<int>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, int>(
            EmbeddingKernels.Forward));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int, int, int>> embedPlaces =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int, int, int>(EmbeddingKernels.BackwardPlaces));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<int>,
        ArrayView<float>, int, int>> embedWords =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<int>, ArrayView<float>, int, int>(
            EmbeddingKernels.BackwardWords));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<double>, int, int>> errors =
        new(() =>
            accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<double>, int, int>(
                LinearKernels.Errors));
    private readonly Lazy<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int,
        int>> linearGradient =
        new(() => accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, int>(LinearKernels.Gradient));

    /// <summary>Where not null, every kernel is waited for and its time goes here: slower, to be told where time goes.</summary>
    public KernelProfile? Profile { get; set; }

    /// <summary>
    /// c[m, n] = op(a) op(b) (+ row + matrix, see <see cref="MatMulShape"/>), all matrices without gaps between rows. row and matrix may be
    /// absent.
    /// </summary>
    public void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, ArrayView<float> a, ArrayView<float> b, ArrayView<float> c,
        ArrayView<float> row = default, ArrayView<float> matrix = default)
    {
        var began = Begin();
        MatMulShape shape = new(m, n, k, transposeA ? m : k, transposeB ? k : n, n, row.IsValid, matrix.IsValid);
        matMul.Launch(stream, transposeA, transposeB, shape, a, b, c, row.IsValid ? row : c, matrix.IsValid ? matrix : c);
        End(transposeA ? "matmul, weights' gradients" : transposeB ? "matmul, inputs' gradients and logits" : "matmul, forward", began);
    }

    /// <summary>sum[i] += x[i].</summary>
    public void Add(ArrayView<float> sum, ArrayView<float> x)
    {
        var began = Begin();
        add.Value(stream, LaunchSizes.Elements(tuning, sum.Length), sum, x, (int)sum.Length);
        End("add", began);
    }

    /// <summary>y = x + z.</summary>
    public void AddTo(ArrayView<float> x, ArrayView<float> z, ArrayView<float> y)
    {
        var began = Begin();
        addTo.Value(stream, LaunchSizes.Elements(tuning, y.Length), x, z, y, (int)y.Length);
        End("add", began);
    }

    public void Gelu(ArrayView<float> x, ArrayView<float> y)
    {
        var began = Begin();
        gelu.Value(stream, LaunchSizes.Elements(tuning, y.Length), x, y, (int)y.Length);
        End("gelu", began);
    }

    public void GeluBackward(ArrayView<float> x, ArrayView<float> dy)
    {
        var began = Begin();
        geluBackward.Value(stream, LaunchSizes.Elements(tuning, dy.Length), x, dy, (int)dy.Length);
        End("gelu backward", began);
    }

    /// <summary>y [sequences, length] = x with dropout; y may be x.</summary>
    public void Dropout(ArrayView<float> x, ArrayView<float> y, int sequences, DropoutPlan plan)
    {
        var began = Begin();
        dropout.Value(stream, LaunchSizes.Elements(tuning, y.Length), x, y, sequences, (int)(y.Length / sequences), new DropoutMask(plan));
        End("dropout", began);
    }

    public void AdamW(ArrayView<float> p, ArrayView<float> m, ArrayView<float> v, ArrayView<float> g, AdamWStep step)
    {
        var began = Begin();
        adamW.Value(stream, LaunchSizes.Elements(tuning, p.Length), p, m, v, g, (int)p.Length, new AdamWScalars(step));
        End("adamw", began);
    }

    public void LayerNorm(
        ArrayView<float> x, ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> y, ArrayView<float> mean,
            ArrayView<float> rstd, int rows, int columns)
    {
        var began = Begin();
        norm.Value(stream, LaunchSizes.Rows(tuning, rows), x, gamma, beta, y, mean, rstd, columns);
        End("norm", began);
    }

    /// <summary>dx is added to; dgamma and dbeta are overwritten, or added to. partial is scratch of 2 columns for every 64 rows.</summary>
    public void LayerNormBackward(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> gamma, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> dx,
        ArrayView<float> dgamma, ArrayView<float> dbeta, ArrayView<float> partial, int rows, int columns, bool accumulate)
    {
        var began = Begin();
        var segments = Segments(rows);
        normParameters.Value(stream, LaunchSizes.Elements(tuning, (long)segments * columns), dy, x, mean, rstd, partial, rows, columns);
        AddSegments(partial, dgamma, segments, 2 * columns, columns, accumulate);
        AddSegments(partial.SubView(columns), dbeta, segments, 2 * columns, columns, accumulate);
        normBackward.Value(stream, LaunchSizes.Rows(tuning, rows), dy, x, gamma, mean, rstd, dx, columns);
        End("norm backward", began);
    }

    /// <summary>sums = (or +=) sums over the rows of x [rows, columns]. partial is scratch of columns floats for every 64 rows.</summary>
    public void ColumnSums(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> partial, int rows, int columns, bool accumulate)
    {
        var began = Begin();
        var segments = Segments(rows);
        sumSegments.Value(stream, LaunchSizes.Elements(tuning, (long)segments * columns), x, partial, rows, columns);
        AddSegments(partial, sums, segments, columns, columns, accumulate);
        End("column sums", began);
    }

    /// <summary>losses [rows] of each row; logits [rows, columns] become the gradient of their sum.</summary>
    public void CrossEntropy(ArrayView<float> logits, ArrayView<int> targets, ArrayView<double> losses, int rows, int columns)
    {
        var began = Begin();
        crossEntropy.Value(stream, LaunchSizes.Rows(tuning, rows), logits, targets, losses, columns);
        End("cross-entropy", began);
    }

    /// <summary>total[0] = (or +=) the sum of losses.</summary>
    public void SumLosses(ArrayView<double> losses, ArrayView<double> total, bool accumulate)
    {
        var began = Begin();
        sumLosses.Value(stream, LaunchSizes.Rows(tuning, 1), losses, total, (int)losses.Length, accumulate ? 1 : 0);
        End("sum of losses", began);
    }

    public void Attention(
        ArrayView<float> qkv, ArrayView<float> output, ArrayView<float> logSums, AttentionShape shape, DropoutPlan dropout)
    {
        var began = Begin();
        AttentionFor(shape).Forward(stream, qkv, output, logSums, shape, dropout);
        End("attention", began);
    }

    public void AttentionBackward(
        ArrayView<float> qkv, ArrayView<float> output, ArrayView<float> logSums, ArrayView<float> doutput, ArrayView<float> dots,
        ArrayView<float> dqkv,
        AttentionShape shape, DropoutPlan dropout)
    {
        var began = Begin();
        AttentionFor(shape).Backward(stream, qkv, output, logSums, doutput, dots, dqkv, shape, dropout);
        End("attention backward", began);
    }

    public void Embed(
        ArrayView<int> tokens, ArrayView<float> words, ArrayView<float> places, ArrayView<float> x, int rows, int time, int columns)
    {
        var began = Begin();
        embed.Value(stream, LaunchSizes.Elements(tuning, (long)rows * columns), tokens, words, places, x, rows, time, columns);
        End("embedding", began);
    }

    public void EmbedBackwardPlaces(ArrayView<float> d, ArrayView<float> dplaces, int sequences, int time, int columns, bool accumulate)
    {
        var began = Begin();
        embedPlaces.Value(
            stream, LaunchSizes.Elements(tuning, (long)time * columns), d, dplaces, sequences, time, columns, accumulate ? 1 : 0);
        End("embedding backward", began);
    }

    public void EmbedBackwardWords(
        ArrayView<float> d, ArrayView<int> order, ArrayView<int> start, ArrayView<int> token, ArrayView<float> dwords, int distinct,
            int columns)
    {
        var began = Begin();
        embedWords.Value(stream, LaunchSizes.Elements(tuning, (long)distinct * columns), d, order, start, token, dwords, distinct, columns);
        End("embedding backward", began);
    }

    public void LinearErrors(
        ArrayView<float> parameters, ArrayView<float> x, ArrayView<float> y, ArrayView<float> errors, ArrayView<double> losses,
            int samples, int inputs)
    {
        var began = Begin();
        this.errors.Value(stream, LaunchSizes.Elements(tuning, samples), parameters, x, y, errors, losses, samples, inputs);
        End("linear errors", began);
    }

    public void LinearGradient(
        ArrayView<float> x, ArrayView<float> errors, ArrayView<float> gradient, int samples, int inputs, bool accumulate)
    {
        var began = Begin();
        linearGradient.Value(stream, LaunchSizes.Elements(tuning, inputs + 1), x, errors, gradient, samples, inputs, accumulate ? 1 : 0);
        End("linear gradient", began);
    }

    private static int Segments(int rows) => (rows + ColumnKernels.SegmentRows - 1) / ColumnKernels.SegmentRows;

    private void AddSegments(ArrayView<float> partial, ArrayView<float> sums, int segments, int width, int columns, bool accumulate) =>
        addSegments.Value(stream, LaunchSizes.Elements(tuning, columns), partial, sums, segments, width, columns, accumulate ? 1 : 0);

    private AttentionLaunch AttentionFor(AttentionShape shape)
    {
        if (!attention.TryGetValue(shape.HeadSize, out var launch))
        {
            launch = new AttentionLaunch(accelerator, tuning, shape.HeadSize);
            attention.Add(shape.HeadSize, launch);
        }

        return launch;
    }

    private long Begin() => Profile is null ? 0 : Stopwatch.GetTimestamp();

    private void End(string kernel, long began)
    {
        if (Profile is not { } profile) return;
        stream.Synchronize();
        profile.Add(kernel, Stopwatch.GetElapsedTime(began));
    }
}
