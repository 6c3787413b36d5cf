using Coordinator.Simulator.World;

namespace Coordinator.Planning.Simulation;

/// <summary>Draws and tails that the failure model and the external checks share.</summary>
internal static class Distributions
{
    /// <summary>A waiting time of a Poisson process of mean <paramref name="mean"/>.</summary>
    public static double Exponential(this Prng draws, double mean) => -mean * PortableMath.Ln(1 - draws.Unit());

    /// <summary>The scale that gives Weibull variates of a shape this mean.</summary>
    public static double WeibullScale(double shape, double mean) => mean / PortableMath.Exp(PortableMath.LnGamma(1 + (1 / shape)));

    /// <summary>A Weibull variate: shapes below 1 make failures come in bursts.</summary>
    public static double Weibull(this Prng draws, double shape, double scale) =>
        scale * PortableMath.Pow(Math.Max(-PortableMath.Ln(1 - draws.Unit()), 1e-300), 1 / shape);

    /// <summary>The smallest k for which at most k of n events, each of probability p, happen with the given confidence.</summary>
    public static int BinomialQuantile(int n, double p, double confidence)
    {
        double term = PortableMath.Exp(n * PortableMath.Ln(1 - p)), sum = term;
        var k = 0;
        for (; sum < confidence && k < n; k++)
        {
            term *= (n - k) * p / ((k + 1) * (1 - p));
            sum += term;
        }

        return k;
    }

    /// <summary>
    /// Chance that chi-square with so many degrees of freedom is as large as this or larger: the upper regularised gamma function, by its
    /// series.
    /// </summary>
    public static double ChiSquareTail(double chiSquare, int degrees)
    {
        double a = degrees / 2.0, x = chiSquare / 2;
        if (x <= 0)
            return 1;
        double term = 1 / a, sum = term;
        for (var n = 1; n < 10_000 && term > sum * 1e-15; n++)
        {
            term *= x / (a + n);
            sum += term;
        }

        return Math.Clamp(1 - (sum * PortableMath.Exp(-x + (a * PortableMath.Ln(x)) - PortableMath.LnGamma(a))), 0, 1);
    }
}
