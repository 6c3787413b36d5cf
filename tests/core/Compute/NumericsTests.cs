using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Tests.Compute;

public unsafe class NumericsTests
{
    [Fact]
    public void Exp_stays_within_one_ulp_of_the_platforms()
    {
        for (var x = -707.9; x < 709.7; x += 0.0371) AssertUlps(Math.Exp(x), DoubleMath.Exp(x), 1, x);
        AssertUlps(Math.Exp(-744.1), DoubleMath.Exp(-744.1), 1, -744.1);
        Assert.Equal(double.PositiveInfinity, DoubleMath.Exp(709.79));
        Assert.Equal(0, DoubleMath.Exp(double.NegativeInfinity));
        Assert.Equal(1, DoubleMath.Exp(0));
        Assert.True(double.IsNaN(DoubleMath.Exp(double.NaN)));
    }

    [Fact]
    public void Log_stays_within_two_ulps_of_the_platforms()
    {
        for (var x = 1e-310; x < 1e308; x *= 1.37) AssertUlps(Math.Log(x), DoubleMath.Log(x), 2, x);
        for (var x = 0.6; x < 1.6; x += 0.000713) AssertUlps(Math.Log(x), DoubleMath.Log(x), 2, x);
        Assert.Equal(double.NegativeInfinity, DoubleMath.Log(0));
        Assert.Equal(0, DoubleMath.Log(1));
        Assert.Equal(double.PositiveInfinity, DoubleMath.Log(double.PositiveInfinity));
        Assert.True(double.IsNaN(DoubleMath.Log(-1)));
    }

    [Fact]
    public void Tanh_stays_within_three_ulps_of_the_platforms()
    {
        for (var x = -20.03; x < 20; x += 0.00317) AssertUlps(Math.Tanh(x), DoubleMath.Tanh(x), 3, x);
        Assert.Equal(1e-200, DoubleMath.Tanh(1e-200));
        Assert.Equal(1, DoubleMath.Tanh(double.PositiveInfinity));
        Assert.True(double.IsNaN(DoubleMath.Tanh(double.NaN)));
    }

    [Fact]
    public void Sine_and_cosine_of_turns_are_right_to_the_last_digits()
    {
        for (var turns = -3.01; turns < 3; turns += 0.00173)
        {
            var (sin, cos) = DoubleMath.SinCosTurns(turns);
            Assert.Equal(Math.Sin(2 * Math.PI * turns), sin, 5e-15);
            Assert.Equal(Math.Cos(2 * Math.PI * turns), cos, 5e-15);
        }

        Assert.Equal((1.0, 0.0), DoubleMath.SinCosTurns(0.25));
        Assert.Equal(-1.0, DoubleMath.SinCosTurns(0.5).Cos);
    }

    [Fact]
    public void Whole_powers_agree_with_the_platforms()
    {
        Assert.Equal(1, DoubleMath.Power(0.9, 0));
        Assert.Equal(0.9, DoubleMath.Power(0.9, 1));
        foreach (var n in new long[] { 2, 7, 100, 12345 }) Assert.Equal(1, DoubleMath.Power(0.999, n) / Math.Pow(0.999, n), 1e-12);
    }

    [Theory]
    [Width(VectorWidth.W128)]
    [Width(VectorWidth.W256)]
    [Width(VectorWidth.W512)]
    public void Exp_by_lanes_stays_within_one_ulp_where_normal_and_half_a_unit_more_where_subnormal(VectorWidth width)
    {
        for (var x = -103.9f; x < 88.7f; x += 0.00371f)
        {
            float exact = (float)Math.Exp(x), own = Exp(width, x);
            Assert.True(
                Math.Abs(BitConverter.SingleToInt32Bits(exact) - BitConverter.SingleToInt32Bits(own)) <= 1,
                $"exp({x}) = {own}, not {exact}");
        }

        Assert.Equal(float.PositiveInfinity, Exp(width, 88.73f));
        Assert.Equal(float.PositiveInfinity, Exp(width, float.PositiveInfinity));
        Assert.Equal(0f, Exp(width, -105f));
        Assert.Equal(0f, Exp(width, float.NegativeInfinity));
        Assert.Equal(1f, Exp(width, 0f));
        Assert.Equal(1f, Exp(width, -0f));
        Assert.True(float.IsNaN(Exp(width, float.NaN)));
        Assert.True(Exp(width, -100f) is > 0 and < 1.2e-38f);
    }

    [Fact]
    public void Philox_gives_the_words_published_with_it()
    {
        Assert.Equal(new Philox.Words(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8), Philox.Draw(0, 0, 0, 0, 0));
        Assert.Equal(
            new Philox.Words(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd),
            Philox.Draw(ulong.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue));
    }

    [Fact]
    public void Normal_numbers_have_the_asked_mean_and_deviation_and_do_not_depend_on_the_length_drawn()
    {
        var values = new float[200_001];
        RandomStream stream = new(5, RandomUse.Initialisation, 3);
        stream.FillNormal(values, 0.02);
        double mean = values.Average(v => (double)v), deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        Assert.Equal(0, mean, 0.0002);
        Assert.Equal(0.02, deviation, 0.0002);
        Assert.InRange(values.Count(v => Math.Abs(v) > 0.04) / 200_001.0, 0.043, 0.048);

        var fewer = new float[77];
        stream.FillNormal(fewer, 0.02);
        Assert.Equal(values[..77], fewer);
    }

    private static float Exp(VectorWidth width, float x)
    {
        return width switch { VectorWidth.W128 => Run<Lanes128>(x), VectorWidth.W256 => Run<Lanes256>(x), _ => Run<Lanes512>(x) };

        static float Run<T>(float x)
            where T : struct, ILanes16<T>
        {
            var lanes = stackalloc float[16];
            T.Store(LaneMath.Exp(T.Broadcast(x)), lanes);
            Assert.Equal(BitConverter.SingleToInt32Bits(lanes[0]), BitConverter.SingleToInt32Bits(lanes[15]));
            return lanes[0];
        }
    }

    private static void AssertUlps(double expected, double actual, long ulps, double x)
    {
        var distance = Math.Abs(BitConverter.DoubleToInt64Bits(expected) - BitConverter.DoubleToInt64Bits(actual));
        Assert.True(distance <= ulps, $"at {x:R}: {actual:R} is {distance} ulps from {expected:R}");
    }
}
