using Coordinator.Planning.Simulation;

namespace Coordinator.Tests.Planning;

public sealed class PortableMathTests
{
    [Theory]
    [InlineData(1e-300)]
    [InlineData(0.001)]
    [InlineData(0.7071067811865475)]
    [InlineData(1)]
    [InlineData(1.4142135623730951)]
    [InlineData(2.718281828459045)]
    [InlineData(12_345.678)]
    [InlineData(1e300)]
    public void Logarithm_and_power_agree_with_the_librarys_within_a_few_units_in_the_last_place(double x)
    {
        Near(Math.Log(x), PortableMath.Ln(x));
        Near(x, PortableMath.Exp(PortableMath.Ln(x)), 1e-12);
        Near(Math.Pow(x, 0.37), PortableMath.Pow(x, 0.37), 1e-13);
    }

    [Theory]
    [InlineData(-700)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(0.3465735902799727)]
    [InlineData(20)]
    [InlineData(709)]
    public void The_exponential_agrees_with_the_librarys(double x) => Near(Math.Exp(x), PortableMath.Exp(x), 1e-14);

    [Fact]
    public void What_has_no_logarithm_is_refused_by_its_value()
    {
        Assert.Contains("-1", Assert.Throws<ArgumentOutOfRangeException>(() => PortableMath.Ln(-1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => PortableMath.Ln(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => PortableMath.Ln(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => PortableMath.Exp(710));
        Assert.Equal(0, PortableMath.Exp(-709));
    }

    [Fact]
    public void Gamma_and_the_tails_have_their_known_values()
    {
        Near(Math.Log(24), PortableMath.LnGamma(5), 1e-10);
        Near(Math.Log(Math.Sqrt(Math.PI)), PortableMath.LnGamma(0.5), 1e-9);

        // Tables: 5% of chi-square with 17 degrees lies above 27.587, 1% above 33.409.
        Assert.Equal(0.05, Distributions.ChiSquareTail(27.587, 17), 1e-4);
        Assert.Equal(0.01, Distributions.ChiSquareTail(33.409, 17), 1e-4);
        Assert.Equal(4, Distributions.BinomialQuantile(1024, 0.001, 0.99));
        Assert.Equal(0, Distributions.BinomialQuantile(10, 1e-6, 0.99));
    }

    private static void Near(double expected, double actual, double relative = 1e-15) =>
        Assert.True(Math.Abs(expected - actual) <= (relative * Math.Abs(expected)) + 1e-16, $"{actual:R}, not {expected:R}");
}
