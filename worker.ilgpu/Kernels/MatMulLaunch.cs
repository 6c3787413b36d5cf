using ILGPU;
using ILGPU.Runtime;
using MatMulKernelLauncher = System.Action<
    ILGPU.Runtime.AcceleratorStream, ILGPU.KernelConfig, ILGPU.ArrayView<float>, ILGPU.ArrayView<float>, ILGPU.ArrayView<float>,
    ILGPU.ArrayView<float>, ILGPU.ArrayView<float>, Coordinator.Worker.Ilgpu.Kernels.MatMulShape>;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Chooses, compiles at first use and launches the variants of the matrix product.</summary>
internal sealed class MatMulLaunch(Accelerator accelerator, KernelTuning tuning)
{
    private readonly Dictionary<(MatMulChoice Choice, bool TransposeA, bool TransposeB, bool Vectors), MatMulKernelLauncher> kernels = [];

    /// <summary>c = op(a) op(b), with what <paramref name="shape"/> adds; row and matrix are only read where it says so.</summary>
    public void Launch(
        AcceleratorStream stream, bool transposeA, bool transposeB, MatMulShape shape,
        ArrayView<float> a, ArrayView<float> b, ArrayView<float> c, ArrayView<float> row, ArrayView<float> matrix)
    {
        if (shape.M == 0 || shape.N == 0) return;
        var choice = Choose(shape);
        var vectors = choice != MatMulChoice.Small && CanLoadVectors(transposeA, transposeB, shape, [a, b, c, row, matrix]);
        if (!kernels.TryGetValue((choice, transposeA, transposeB, vectors), out var kernel))
        {
            kernel = Load(choice, transposeA, transposeB, vectors);
            kernels.Add((choice, transposeA, transposeB, vectors), kernel);
        }

        kernel(stream, Config(choice, shape), a, b, c, row, matrix, shape);
    }

    private MatMulChoice Choose(MatMulShape shape)
    {
        if (tuning.MatMul != MatMulChoice.ByShape) return tuning.MatMul;
        if (shape.M < 16 || shape.N < 16) return MatMulChoice.Small;
        return (long)Tiles(shape.M, 128) * Tiles(shape.N, 128) >= accelerator.NumMultiprocessors ? MatMulChoice.Large : MatMulChoice.Medium;
    }

    private KernelConfig Config(MatMulChoice choice, MatMulShape shape)
    {
        if (choice == MatMulChoice.Small) return LaunchSizes.Elements(tuning, (long)shape.M * shape.N);
        var side = choice switch
        {
            MatMulChoice.Large => default(LargeTiling).Side,
            MatMulChoice.Medium => default(MediumTiling).Side,
            _ => default(TinyTiling).Side,
        };
        return new KernelConfig(new Index3D(Tiles(shape.N, 8 * side), Tiles(shape.M, 8 * side), 1), new Index3D(side * side, 1, 1));
    }

    private static int Tiles(int length, int side) => (length + side - 1) / side;

    // ILGPU takes every view that is handed to a kernel to begin at a multiple of 256 bytes, so it would not notice.
    private static bool CanLoadVectors(bool transposeA, bool transposeB, MatMulShape shape, ReadOnlySpan<ArrayView<float>> views)
    {
        int contiguousA = transposeA ? shape.M : shape.K, contiguousB = transposeB ? shape.K : shape.N;
        var all = contiguousA | contiguousB | shape.N | shape.LdA | shape.LdB | shape.LdC;
        if (all % 4 != 0) return false;
        foreach (var view in views)
        {
            if (view.LoadEffectiveAddressAsPtr() % 16 != 0) return false;
        }

        return true;
    }

    private MatMulKernelLauncher Load(MatMulChoice choice, bool transposeA, bool transposeB, bool vectors) => choice switch
    {
        MatMulChoice.Small => LoadSmall(transposeA, transposeB),
        MatMulChoice.Large => LoadTiled<LargeTiling>(transposeA, transposeB, vectors),
        MatMulChoice.Medium => LoadTiled<MediumTiling>(transposeA, transposeB, vectors),
        _ => LoadTiled<TinyTiling>(transposeA, transposeB, vectors),
    };

    private MatMulKernelLauncher LoadSmall(bool transposeA, bool transposeB) => (transposeA, transposeB) switch
    {
        (false, false) => Load(MatMulKernel.Small<AlongK, AlongOuter>),
        (false, true) => Load(MatMulKernel.Small<AlongK, AlongK>),
        (true, false) => Load(MatMulKernel.Small<AlongOuter, AlongOuter>),
        (true, true) => Load(MatMulKernel.Small<AlongOuter, AlongK>),
    };

    private MatMulKernelLauncher LoadTiled<TTiling>(bool transposeA, bool transposeB, bool vectors)
        where TTiling : struct, IMatMulTiling =>
        vectors ? LoadTiled<TTiling, VectorAccess>(transposeA, transposeB) : LoadTiled<TTiling, ScalarAccess>(transposeA, transposeB);

    private MatMulKernelLauncher LoadTiled<TTiling, TAccess>(bool transposeA, bool transposeB)
        where TTiling : struct, IMatMulTiling
        where TAccess : struct, IMatMulAccess => (transposeA, transposeB) switch
        {
            (false, false) => Load(MatMulKernel.Tiled<TTiling, AlongK, AlongOuter, TAccess>),
            (false, true) => Load(MatMulKernel.Tiled<TTiling, AlongK, AlongK, TAccess>),
            (true, false) => Load(MatMulKernel.Tiled<TTiling, AlongOuter, AlongOuter, TAccess>),
            (true, true) => Load(MatMulKernel.Tiled<TTiling, AlongOuter, AlongK, TAccess>),
        };

    private MatMulKernelLauncher Load(
        Action<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, MatMulShape> kernel) =>
        accelerator.LoadKernel(kernel);
}
