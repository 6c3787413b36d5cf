using System.Reflection;
using Coordinator.Worker.Ilgpu.Kernels;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace Coordinator.Worker.Ilgpu.Ptx;

/// <summary>One kernel's PTX, the text that the driver's compiler gets, made without a GPU at hand.</summary>
/// <param name="Name">What it is called in reports.</param>
/// <param name="Text">The whole module.</param>
internal sealed record PtxKernel(string Name, string Text)
{
    /// <summary>The kernels that take the time of a step, and all others once, in the variants that CUDA devices use.</summary>
    public static readonly IReadOnlyList<(string Name, MethodInfo Method)> Main =
    [
        ("matmul large, forward", Of(MatMulKernel.Tiled<LargeTiling, AlongK, AlongOuter, VectorAccess>)),
        ("matmul large, inputs' gradients", Of(MatMulKernel.Tiled<LargeTiling, AlongK, AlongK, VectorAccess>)),
        ("matmul large, weights' gradients", Of(MatMulKernel.Tiled<LargeTiling, AlongOuter, AlongOuter, VectorAccess>)),
        ("matmul large, odd lengths", Of(MatMulKernel.Tiled<LargeTiling, AlongK, AlongOuter, ScalarAccess>)),
        ("matmul medium, forward", Of(MatMulKernel.Tiled<MediumTiling, AlongK, AlongOuter, VectorAccess>)),
        ("matmul small", Of(MatMulKernel.Small<AlongK, AlongOuter>)),
        ("attention, heads of 64", Of(AttentionForward.Run<Heads64>)),
        ("attention backward keys, heads of 64", Of(AttentionBackward.Keys<Heads64>)),
        ("attention backward queries, heads of 64", Of(AttentionBackward.Queries<Heads64>)),
        ("attention, heads of 128", Of(AttentionForward.Run<Heads128>)),
        ("attention, heads of 16", Of(AttentionForward.Run<Heads16>)),
        ("attention, heads of 256", Of(AttentionForward.Run<Heads256>)),
        ("attention backward keys, heads of 256", Of(AttentionBackward.Keys<Heads256>)),
        ("attention backward, inner products", Of(AttentionBackward.Dots)),
        ("norm", Of(NormKernels.Forward)),
        ("norm backward", Of(NormKernels.Backward)),
        ("norm backward parameters", Of(NormKernels.BackwardParameters)),
        ("column sums", Of(ColumnKernels.SumSegments)),
        ("sums of segments", Of(ColumnKernels.AddSegments)),
        ("add", Of(ElementKernels.Add)),
        ("add to another", Of(ElementKernels.AddTo)),
        ("gelu", Of(ElementKernels.Gelu)),
        ("gelu backward", Of(ElementKernels.GeluBackward)),
        ("dropout", Of(ElementKernels.Dropout)),
        ("adamw", Of(ElementKernels.AdamW)),
        ("cross-entropy", Of(LossKernels.CrossEntropy)),
        ("sum of losses", Of(LossKernels.Sum)),
        ("embedding", Of(EmbeddingKernels.Forward)),
        ("embedding backward, places", Of(EmbeddingKernels.BackwardPlaces)),
        ("embedding backward, words", Of(EmbeddingKernels.BackwardWords)),
        ("linear errors", Of(LinearKernels.Errors)),
        ("linear gradient", Of(LinearKernels.Gradient)),
    ];

    /// <summary>Compiles kernels for an architecture, such as (8, 0) or (9, 0).</summary>
    public static IReadOnlyList<PtxKernel> Compile(IEnumerable<(string Name, MethodInfo Method)> kernels, int major, int minor)
    {
        using var context = Context.Create(builder => DeviceContext.Configure(builder));
        using PTXBackend backend = new(
            context,
            new CudaCapabilityContext(new CudaArchitecture(major, minor)),
            new CudaArchitecture(major, minor),
            CudaInstructionSet.ISA_78,
            null);
        return [.. kernels.Select(kernel => new PtxKernel(kernel.Name, Compile(backend, kernel.Method)))];
    }

    private static string Compile(PTXBackend backend, MethodInfo method)
    {
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(method);
        return ((PTXCompiledKernel)backend.Compile(entry, default)).PTXAssembly;
    }

    private static MethodInfo Of(Delegate kernel) => kernel.Method;
}
