using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Tests.Support;

/// <summary>Made-up numbers for kernels, and what a kernel made of them.</summary>
public static unsafe class KernelBuffers
{
    /// <summary>A kernel on arrays that lie as kernels want them.</summary>
    public delegate void PointerAction(float** arrays);

    /// <summary>Normal numbers, the same for the same <paramref name="part"/> everywhere.</summary>
    public static float[] Random(int count, uint part, double deviation = 1)
    {
        var values = new float[count];
        new RandomStream(11, RandomUse.SyntheticData, part).FillNormal(values, deviation);
        return values;
    }

    /// <summary>Their squares.</summary>
    public static float[] Squared(int count, uint part) => [.. Random(count, part).Select(x => x * x)];

    /// <summary>Copies the arrays aside, runs, and returns all of them after it, end to end.</summary>
    public static float[] Run(float[][] arrays, PointerAction run)
    {
        AlignedBuffer[] buffers = [.. arrays.Select(array => new AlignedBuffer(array.Length))];
        var pointers = stackalloc float*[arrays.Length];
        for (var i = 0; i < arrays.Length; i++)
        {
            arrays[i].CopyTo(buffers[i].Span(0, arrays[i].Length));
            pointers[i] = buffers[i].Pointer;
        }

        run(pointers);
        float[] after = [.. buffers.SelectMany((buffer, i) => buffer.Span(0, arrays[i].Length).ToArray())];
        foreach (var buffer in buffers)
            buffer.Dispose();
        return after;
    }
}
