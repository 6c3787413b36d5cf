using System.Text.RegularExpressions;

namespace Coordinator.Worker.Ilgpu.Ptx;

/// <summary>What the text of a kernel says about its speed and its bits.</summary>
/// <param name="Kernel">Its name in reports.</param>
/// <param name="Instructions">Instructions in all.</param>
/// <param name="FusedMultiplyAdds">Of them fused multiply-adds, float32 and float64: all are in the source, since nothing fuses before the
/// driver.</param>
/// <param name="SeparateProducts">Of them products that state their rounding, which no compiler may fuse.</param>
/// <param name="OpenProducts">Of them products that state none: the driver may fuse each with a sum that follows.</param>
/// <param name="LocalAccesses">Loads and stores of local memory, and arrays in it.</param>
/// <param name="SharedVectorLoads">Of them loads of four floats from shared memory.</param>
/// <param name="GlobalVectorLoads">Of them loads of four floats from global memory.</param>
/// <param name="SharedBytes">Shared memory of a group, in bytes.</param>
/// <param name="Faults">What must not be there, each with the line.</param>
internal sealed partial record PtxInspection(
    string Kernel, int Instructions, int FusedMultiplyAdds, int SeparateProducts, int OpenProducts, int LocalAccesses, int SharedVectorLoads, int GlobalVectorLoads, int SharedBytes, IReadOnlyList<string> Faults)
{
    /// <summary>Shared memory that a group has without asking the driver for more.</summary>
    public const int MaxSharedBytes = 48 * 1024;

    public static PtxInspection Of(PtxKernel kernel)
    {
        string[] lines = [.. kernel.Text.Split('\n').Select(line => line.Trim())];
        int Count(Func<string, bool> fits) => lines.Count(fits);
        var shared = lines.Select(line => SharedArray().Match(line)).Where(match => match.Success).Sum(
            match => int.Parse(match.Groups[1].Value));
        List<string> faults = [.. lines.Select(Fault).OfType<string>()];
        if (shared > MaxSharedBytes) faults.Add($"{shared} bytes of shared memory; a group has {MaxSharedBytes}");
        return new PtxInspection(
            kernel.Name,
            Count(line => line.EndsWith(';') && !line.StartsWith('.')),
            Count(line => FusedMultiplyAdd().IsMatch(line)),
            Count(line => SeparateProduct().IsMatch(line)),
            Count(line => OpenProduct().IsMatch(line)),
            Count(line => LocalMemory().IsMatch(line)),
            Count(line => line.StartsWith("ld.shared.v4.f32", StringComparison.Ordinal)),
            Count(line => line.StartsWith("ld.global.v4.f32", StringComparison.Ordinal)),
            shared,
            faults);
    }

    private static string? Fault(string line)
    {
        // Local memory is device memory: one trip there in an inner loop costs more than the loop.
        if (LocalMemory().IsMatch(line)) return $"local memory: {line}";

        // The driver's compiler may fuse a product with a sum only where the product states no rounding.
        if (OpenProduct().IsMatch(line)) return $"a product that may be fused: {line}";
        if (Approximation().IsMatch(line)) return $"an approximation: {line}";
        return FloatAtomic().IsMatch(line) ? $"a sum whose order depends on the schedule: {line}" : null;
    }

    [GeneratedRegex(@"^\.shared .*\[(\d+)\];")]
    private static partial Regex SharedArray();

    [GeneratedRegex(@"^(@!?%p\d+ )?fma\.rn\.f(32|64)")]
    private static partial Regex FusedMultiplyAdd();

    [GeneratedRegex(@"^(@!?%p\d+ )?mul\.rn\.f(32|64)")]
    private static partial Regex SeparateProduct();

    [GeneratedRegex(@"^(@!?%p\d+ )?(ld|st)(\.volatile)?\.local|^\.local|cvta\.local")]
    private static partial Regex LocalMemory();

    [GeneratedRegex(@"^(@!?%p\d+ )?(mul|mad)\.(ftz\.)?f(32|64)")]
    private static partial Regex OpenProduct();

    [GeneratedRegex(@"\.(approx|ftz)\b")]
    private static partial Regex Approximation();

    [GeneratedRegex(@"^(@!?%p\d+ )?(atom|red)\..*\.f(32|64)")]
    private static partial Regex FloatAtomic();
}
