using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Worker.Kernels;

namespace Coordinator.Tests.Golden;

/// <summary>
/// Every kernel at every length from 0 to 67 and every offset from a 64-byte boundary, on numbers that include the awkward ones.
/// </summary>
internal static unsafe class KernelSweep
{
    public const int Longest = 67;
    private const int Rows = 3;
    private const int Room = 16 + (Rows * Longest) + 16;

    /// <summary>Hash of all that is written, and of what lies around it. NaNs count as equal, whatever their payload.</summary>
    public static string Sha256(IKernels kernels)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using AlignedBuffer a = new(Room), b = new(Room), c = new(Room), d = new(Room), e = new(Room);
        AlignedBuffer[] all = [a, b, c, d, e];
        var targets = stackalloc int[Rows];
        for (var offset = 0; offset < 16; offset++)
        {
            float* p = a.Pointer + offset, q = b.Pointer + offset, r = c.Pointer + offset, s = d.Pointer + offset, t = e.Pointer + offset;
            for (var n = 0; n <= Longest; n++)
            {
                for (var row = 0; row < Rows; row++) targets[row] = n == 0 ? 0 : (row * 29) % n;
                Note(() => kernels.Add(p, q, n));
                Note(() => kernels.Gelu(p, q, n));
                Note(() => kernels.GeluBackward(p, q, n));
                Note(() => kernels.AdamW(p, q, r, s, n, new AdamWStep(0.5f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.3f, 1e-8f, 0.99f)));
                Note(() => *t = (float)kernels.SumOfSquares(p, n));
                Note(() => kernels.AddRow(p, q, r, Rows, n));
                Note(() => kernels.ColumnSums(p, Rows, n, q, true));
                if (n == 0) continue;
                Note(() => kernels.LayerNorm(p, q, r, s, t, t + 8, Rows, n));
                Note(() => kernels.CrossEntropy(p, targets, Rows, n));
                Note(() => kernels.MatMul(false, false, Rows, n, Rows, p, Rows, q, n, r, n, false));
                Note(() => kernels.MatMul(true, false, Rows, Rows, n, p, Rows, q, Rows, r, Rows, true));
                Note(() => kernels.MatMul(false, true, n, Rows, Rows, p, Rows, q, Rows, r, Rows, false));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Note(Action run)
        {
            foreach (var buffer in all) Fill(buffer, Array.IndexOf(all, buffer));
            run();
            foreach (var buffer in all) Append(hash, buffer);
        }
    }

    private static void Append(IncrementalHash hash, AlignedBuffer buffer)
    {
        var values = buffer.Span(0, Room);
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsNaN(values[i])) values[i] = float.NaN;
        }

        hash.AppendData(MemoryMarshal.AsBytes(values));
    }

    private static void Fill(AlignedBuffer buffer, int seed)
    {
        var values = buffer.Span(0, Room);
        for (var i = 0; i < values.Length; i++) values[i] = ((((i * 7919) + (seed * 104_729)) % 2003) - 1001) / 997f;
        float[] awkward = [-0f, float.Epsilon, -1e-40f, 0f, 3e-39f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e38f];

        // Few, and far between: beside each NaN there have to be sums that are none.
        for (var i = 0; i < awkward.Length; i++) values[(i * 23 + seed * 11 + 5) % Room] = awkward[i];
    }
}
