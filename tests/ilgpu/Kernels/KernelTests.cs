using Coordinator.Tests.Ilgpu.Support;
using Coordinator.Tests.Support;
using Coordinator.Worker.Ilgpu.Kernels;
using Coordinator.Worker.Kernels;

namespace Coordinator.Tests.Ilgpu.Kernels;

public sealed class KernelTests
{
    [Fact]
    public void Every_kernel_agrees_with_the_plain_one_and_has_the_same_bits_however_its_work_is_cut_and_when_it_is_repeated()
    {
        using PlainKernels plain = new();
        Dictionary<string, float[]> first = [];
        foreach ((var tuning, var threads) in TestDevice.Cuts)
        {
            using TestDevice device = new(tuning, threads);
            foreach ((var name, (var run, var formula)) in KernelCases.All)
            {
                var actual = run(device);
                if (first.TryAdd(name, actual))
                {
                    Same.Numbers(formula(plain), actual, 3e-5, name);
                    Same.Bits(actual, run(device), $"{name}, repeated");
                }

                Same.Bits(first[name], actual, $"{name}, cut as {tuning}");
            }
        }
    }

    [Theory]
    [InlineData((int)MatMulChoice.Medium, 64)]
    [InlineData((int)MatMulChoice.Large, 256)]
    public void The_matrix_product_has_the_same_bits_in_the_tiles_that_a_gpu_uses(int choice, int threads)
    {
        using TestDevice device = new(new KernelTuning(1, 2, 1, 1, (MatMulChoice)choice), threads), small = new();
        foreach (var name in new[] { "matmul", "matmul, left transposed", "matmul, right transposed", "matmul of fours" })
            Same.Bits(KernelCases.All[name].Device(small), KernelCases.All[name].Device(device), $"{name}, {(MatMulChoice)choice}");
    }

    [Fact]
    public void Adding_and_dropout_and_adamw_have_the_bits_of_the_cpu_device()
    {
        using var cpu = KernelFactory.Create(VectorWidth.W128);
        using PlainKernels plain = new();
        using TestDevice device = new();
        Same.Bits(KernelCases.All["add"].Plain(plain), KernelCases.All["add"].Device(device), "add");
        Same.Bits(KernelCases.All["dropout"].Plain(plain), KernelCases.All["dropout"].Device(device), "dropout");
        Same.Bits(AdamWOnCpu(cpu), KernelCases.All["adamw"].Device(device), "adamw");
    }

    private static unsafe float[] AdamWOnCpu(IKernels cpu)
    {
        float[][] arrays =
        [
            KernelBuffers.Random(91, 1), KernelBuffers.Random(91, 2), [.. KernelBuffers.Random(91, 3).Select(x => x * x)],
            KernelBuffers.Random(91, 4),
        ];
        fixed (float* p = arrays[0], m = arrays[1], v = arrays[2], g = arrays[3])
        {
            cpu.AdamW(p, m, v, g, 91, new AdamWStep(0.5f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.3f, 1e-8f, 0.99f));
        }

        return [.. arrays.SelectMany(array => array)];
    }
}
