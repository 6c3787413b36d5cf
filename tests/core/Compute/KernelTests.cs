using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Tests.Support;
using Coordinator.Worker.Kernels;

namespace Coordinator.Tests.Compute;

public unsafe class KernelTests
{
    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Every_vector_kernel_agrees_with_the_plain_one(VectorWidth width)
    {
        using IKernels plain = KernelFactory.Create(VectorWidth.Plain), vector = KernelFactory.Create(width);
        foreach (var (name, run) in KernelRun.All)
        {
            float[] expected = run(plain), actual = run(vector);
            Assert.Equal(expected.Length, actual.Length);
            for (var i = 0; i < expected.Length; i++)
            {
                var allowed = 3e-5 * (1 + Math.Abs(expected[i]));
                Assert.True(
                    Math.Abs(expected[i] - actual[i]) <= allowed, $"{name} at {width}, element {i}: {actual[i]}, not {expected[i]}");
            }
        }
    }

    [Theory]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Every_kernel_has_the_same_bits_as_at_128_bits(VectorWidth width)
    {
        using IKernels narrow = KernelFactory.Create(VectorWidth.W128), wide = KernelFactory.Create(width);
        foreach (var (name, run) in KernelRun.All)
        {
            float[] expected = run(narrow), actual = run(wide);
            for (var i = 0; i < expected.Length; i++)
                Assert.True(SameBits(expected[i], actual[i]), $"{name} at {width}, element {i}: {actual[i]:R}, not {expected[i]:R}");
        }
    }

    [Theory]
    [Width(VectorWidth.W128, 2)]
    [Width(VectorWidth.W256, 3)]
    [Width(VectorWidth.W512, 2)]
    [Width(VectorWidth.W512, 3)]
    [Width(VectorWidth.W512, 4)]
    public void Every_kernel_has_the_same_bits_on_several_threads(VectorWidth width, int threads)
    {
        using IKernels one = KernelFactory.Create(width), several = KernelFactory.Create(width, threads);
        foreach (var (name, run) in KernelRun.All.Concat(KernelRun.Large))
        {
            float[] expected = run(one), actual = run(several);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.True(
                    SameBits(expected[i], actual[i]), $"{name} on {threads} threads, element {i}: {actual[i]:R}, not {expected[i]:R}");
            }
        }
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Kernels_of_version_1_return_exactly_these_bits(VectorWidth width)
    {
        // A change here changes trained models: raise CpuDeviceClass.KernelVersion with it.
        using var kernels = KernelFactory.Create(width);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var run in KernelRun.All.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Value))
            hash.AppendData(MemoryMarshal.AsBytes<float>(run(kernels)));

        Assert.Equal("de1b85429403c85ffe12bfa4ce57012fba5da9aa", Convert.ToHexStringLower(hash.GetHashAndReset())[..40]);
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void An_elements_result_does_not_depend_on_length_or_alignment(VectorWidth width)
    {
        using var kernels = KernelFactory.Create(width);
        float[] x = KernelBuffers.Random(200, 1, 2), y = KernelBuffers.Random(200, 2);
        Special(x);
        float[] added = new float[200], curved = new float[200];
        var pair = stackalloc float[2];
        for (var i = 0; i < 200; i++)
        {
            // One element at a time is the reference.
            (pair[0], pair[1]) = (y[i], x[i]);
            kernels.Add(pair, pair + 1, 1);
            added[i] = pair[0];
            kernels.Gelu(pair + 1, pair, 1);
            curved[i] = pair[0];
        }

        using AlignedBuffer left = new(256), right = new(256);
        for (var offset = 0; offset < 16; offset++)
        {
            for (var length = 0; length <= 67; length++)
            {
                left.Span(0, 256).Fill(-7f);
                x.CopyTo(right.Span(offset, 200));
                y.AsSpan(0, length).CopyTo(left.Span(offset, length));
                kernels.Add(left.Pointer + offset, right.Pointer + offset, length);
                AssertRun(added, left, offset, length);
                kernels.Gelu(right.Pointer + offset, left.Pointer + offset, length);
                AssertRun(curved, left, offset, length);
            }
        }
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void The_sum_of_squares_follows_sixteen_lanes_and_the_tree_at_every_length_and_alignment(VectorWidth width)
    {
        using var kernels = KernelFactory.Create(width);
        using AlignedBuffer buffer = new(128);
        var x = KernelBuffers.Random(67, 5);
        x[3] = float.Epsilon;
        x[4] = 3e38f;
        for (var offset = 0; offset < 16; offset++)
        {
            x.CopyTo(buffer.Span(offset, 67));
            for (var length = 0; length <= 67; length++)
            {
                var lanes = new double[16];
                for (var i = 0; i < length; i++) lanes[i % 16] += (double)x[i] * x[i];
                for (var half = 8; half >= 1; half /= 2)
                {
                    for (var i = 0; i < half; i++) lanes[i] += lanes[i + half];
                }

                Assert.Equal(lanes[0], kernels.SumOfSquares(buffer.Pointer + offset, length));
            }
        }
    }

    [Fact]
    public void Block_math_adds_in_place_and_refuses_unequal_lengths()
    {
        float[] acc = [1, 2, -0f, float.Epsilon], x = [3, float.NaN, -0f, float.Epsilon];
        BlockMath.Add(acc, x);
        Assert.Equal(4, acc[0]);
        Assert.True(float.IsNaN(acc[1]));
        Assert.True(float.IsNegative(acc[2]));
        Assert.Equal(2 * float.Epsilon, acc[3]);
        Assert.Equal(25, BlockMath.SumOfSquares([3, -4]));
        Assert.Equal(0, BlockMath.SumOfSquares([]));
        Assert.Throws<ArgumentException>(() => BlockMath.Add(new float[3], new float[4]));
    }

    [Fact]
    public void A_planted_change_of_one_bit_is_noticed()
    {
        var x = 1f;
        Assert.False(SameBits(x, MathF.BitIncrement(x)));
        Assert.False(SameBits(0f, -0f));
        Assert.True(SameBits(float.NaN, -float.NaN));
    }

    private static void Special(float[] x)
    {
        float[] values =
        [
            0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon, 1e-39f, float.MaxValue,
        ];
        for (var i = 0; i < values.Length; i++) x[i * 7] = values[i];
    }

    private static void AssertRun(float[] expected, AlignedBuffer actual, int offset, int length)
    {
        ReadOnlySpan<float> values = actual.Span(0, 256);
        for (var i = 0; i < 256; i++)
        {
            var wanted = i >= offset && i < offset + length ? expected[i - offset] : -7f;
            if (!SameBits(wanted, values[i]))
                Assert.Fail($"offset {offset}, length {length}, element {i - offset}: {values[i]:R}, not {wanted:R}");
        }
    }

    private static bool SameBits(float a, float b) =>
        (float.IsNaN(a) && float.IsNaN(b))
            || MemoryMarshal.Cast<float, int>(new ReadOnlySpan<float>(in a))[0] == BitConverter.SingleToInt32Bits(b);
}
