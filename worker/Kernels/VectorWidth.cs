using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Coordinator.Worker.Kernels;

/// <summary>Vector width of the kernels. All of W128, W256 and W512 give the same bits: width is a matter of speed.</summary>
public enum VectorWidth
{
    /// <summary>The widest that is fast on this machine.</summary>
    Auto,

    /// <summary>Plain loops that a reader can follow, the reference of the tests. Rounding differs from the vector kernels.</summary>
    Plain,

    /// <summary>128 bits: x86-64 with FMA, and ARM64.</summary>
    W128,

    /// <summary>256 bits: x86-64 with AVX2 and FMA.</summary>
    W256,

    /// <summary>512 bits: x86-64 with AVX-512.</summary>
    W512,
}

/// <summary>Which widths this machine has.</summary>
public static class VectorWidths
{
    /// <summary>Why <paramref name="width"/> cannot run here; null when it can.</summary>
    public static string? WhyUnsupported(VectorWidth width) => width switch
    {
        VectorWidth.Plain => null,
        VectorWidth.Auto => BitConverter.IsLittleEndian && (Fma.IsSupported || AdvSimd.Arm64.IsSupported) ? null
            : "the vector kernels need x86-64 with AVX2 and FMA, or ARM64; without either, choose Plain",
        VectorWidth.W128 => Fma.IsSupported || AdvSimd.Arm64.IsSupported ? null
            : "128-bit kernels need fused multiply-add (x86-64 FMA, or ARM64)",
        VectorWidth.W256 => Fma.IsSupported && Avx2.IsSupported ? null : "256-bit kernels need x86-64 with AVX2 and FMA",
        VectorWidth.W512 => Avx512F.IsSupported ? null : "512-bit kernels need x86-64 with AVX-512",
        _ => "it is no vector width",
    };

    /// <summary>The width that <see cref="VectorWidth.Auto"/> stands for here; any other width as it is.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the width; the message says what is missing.</exception>
    public static VectorWidth Resolve(VectorWidth width)
    {
        if (WhyUnsupported(width) is { } reason)
            throw new PlatformNotSupportedException($"Vector width {width} cannot run here: {reason}.");
        if (width != VectorWidth.Auto) return width;
        if (Vector512.IsHardwareAccelerated) return VectorWidth.W512;
        return WhyUnsupported(VectorWidth.W256) is null ? VectorWidth.W256 : VectorWidth.W128;
    }
}
