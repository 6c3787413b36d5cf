using Coordinator.Worker.Ilgpu.Ptx;
using ILGPU;

namespace Coordinator.Tests.Ilgpu.Ptx;

public sealed class PtxTests
{
    [Theory]
    [InlineData(8, 0)]
    [InlineData(9, 0)]
    public void No_kernel_touches_local_memory_leaves_a_product_open_to_fusion_approximates_or_sums_by_atomics(int major, int minor)
    {
        foreach (var inspection in PtxKernel.Compile(PtxKernel.Main, major, minor).Select(PtxInspection.Of))
            Assert.True(inspection.Faults.Count == 0, $"{inspection.Kernel}: {string.Join("; ", inspection.Faults)}");
    }

    [Fact]
    public void The_matrix_product_has_sixty_four_fused_multiply_adds_for_four_vector_loads_in_its_inner_loop()
    {
        var kernel = PtxKernel.Compile(PtxKernel.Main.Where(k => k.Name == "matmul large, forward"), 9, 0)[0];
        string[] lines = [.. kernel.Text.Split('\n').Select(line => line.Trim())];
        int first = Array.FindIndex(lines, IsFma), last = Array.FindLastIndex(lines, IsFma);
        int label = Array.FindLastIndex(lines, first, line => line.EndsWith(':')), jump = Array.FindIndex(
            lines, last, line => line.Contains("bra", StringComparison.Ordinal));
        var loop = lines[label..jump];
        Assert.Equal(64, loop.Count(IsFma));
        Assert.Equal(4, loop.Count(line => line.StartsWith("ld.", StringComparison.Ordinal)));
        Assert.Equal(4, loop.Count(line => line.StartsWith("ld.shared.v4.f32", StringComparison.Ordinal)));
        Assert.DoesNotContain(loop, line => line.StartsWith("st.", StringComparison.Ordinal));

        static bool IsFma(string line) => line.StartsWith("fma.rn.f32", StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_with_each_fault_is_found_out()
    {
        (string, System.Reflection.MethodInfo) faulty = ("faulty", ((Action<ArrayView<float>, int>)Faulty).Method);
        var inspection = PtxInspection.Of(PtxKernel.Compile([faulty], 9, 0)[0]);
        foreach (var fault in new[] { "local memory", "a product that may be fused", "a sum whose order depends on the schedule" })
            Assert.Contains(inspection.Faults, found => found.StartsWith(fault, StringComparison.Ordinal));

        // Its one product and the sum that follows are left as two: what is fused in a kernel's PTX was asked for.
        Assert.Equal((0, 0, 1), (inspection.FusedMultiplyAdds, inspection.SeparateProducts, inspection.OpenProducts));
        Assert.NotEqual(0, inspection.LocalAccesses);
    }

    // Everything that a kernel of ours must not do.
    private static void Faulty(ArrayView<float> x, int count)
    {
        var array = LocalMemory.Allocate<float>(8);
        for (var i = 0; i < count; i++) array[i & 7] += (x[i] * x[i + 1]) + x[i + 2];
        Atomic.Add(ref x[0], array[count & 7]);
    }
}
