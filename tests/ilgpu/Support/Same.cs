namespace Coordinator.Tests.Ilgpu.Support;

/// <summary>Comparisons of arrays that name the element at fault.</summary>
internal static class Same
{
    public static void Bits(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                Assert.Fail($"{what}, element {i}: {actual[i]:R}, not {expected[i]:R}");
        }
    }

    /// <summary>Within <paramref name="tolerance"/>, absolute and relative.</summary>
    public static void Numbers(float[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var close = Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i]));
            if (!close) Assert.Fail($"{what}, element {i}: {actual[i]:R}, not {expected[i]:R}");
        }
    }
}
