using Coordinator.Worker.Ilgpu.Numerics;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Tests.Ilgpu.Kernels;

public sealed unsafe class DeviceMathTests
{
    [Fact]
    public void Exp_and_sigmoid_have_the_bits_of_the_cpu_kernels()
    {
        var lanes = stackalloc float[16];
        for (var i = 0; i < 40_000; i++)
        {
            var x = i < 8 ? Special(i) : (float)((i - 20_000) * 0.0061);
            Lanes128.Store(LaneMath.Exp(Lanes128.Broadcast(x)), lanes);
            AssertSame(lanes[0], DeviceMath.Exp(x), x);
            Lanes128.Store(LaneMath.Sigmoid(Lanes128.Broadcast(x)), lanes);
            AssertSame(lanes[0], DeviceMath.Sigmoid(x), x);
        }
    }

    [Fact]
    public void The_logarithm_has_the_bits_of_the_workers_own()
    {
        for (var i = 1; i < 20_000; i++)
        {
            foreach (var x in new[] { i * 0.37, 1.0 / i, i * 1e30 }) Assert.Equal(DoubleMath.Log(x), DeviceMath.Log(x));
        }

        Assert.Equal(0, DeviceMath.Log(1));
    }

    [Fact]
    public void Philox_has_the_words_of_the_workers_own()
    {
        for (uint i = 0; i < 1000; i++)
        {
            var key = 0x0123_4567_89AB_CDEFUL * (i + 1);
            var words = Philox.Draw(key, i, i * 7, 3, ~i);
            for (var word = 0; word < 4; word++) Assert.Equal(words[word], DevicePhilox.Word(key, i, i * 7, 3, ~i, word));
        }
    }

    private static float Special(int i) => i switch
    {
        0 => 0f,
        1 => -0f,
        2 => float.NaN,
        3 => float.PositiveInfinity,
        4 => float.NegativeInfinity,
        5 => -87.5f,
        6 => 88.72f,
        _ => -103.9f,
    };

    private static void AssertSame(float expected, float actual, float x)
    {
        var same = (float.IsNaN(expected) && float.IsNaN(actual))
            || BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual);
        Assert.True(same, $"at {x:R}: {actual:R}, not {expected:R}");
    }
}
