using Coordinator.Configuration;

namespace Coordinator.Tests.Configuration;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("500ms", 5_000_000)]
    [InlineData("30s", 300_000_000)]
    [InlineData("0.1s", 1_000_000)]
    [InlineData("10m", 6_000_000_000)]
    [InlineData("1.5h", 54_000_000_000)]
    [InlineData("0.0001ms", 1)]
    [InlineData("-1s", -10_000_000)]
    public void A_number_with_its_unit_is_a_duration(string text, long ticks)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(ticks, duration.Ticks);
        Assert.True(DurationText.TryParse(DurationText.Format(duration), out var again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("ms")]
    [InlineData("5 s")]
    [InlineData("5d")]
    [InlineData("5S")]
    [InlineData("1m30s")]
    [InlineData("1e3s")]
    [InlineData("0.00001ms")]
    [InlineData("99999999999999999h")]
    [InlineData("99999999999999999999999999999999999999s")]
    [InlineData("1,5s")]
    public void Anything_else_is_not(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(300_000, "30ms")]
    [InlineData(900_000_000, "90s")]
    [InlineData(36_000_000_000, "1h")]
    [InlineData(1, "0.0001ms")]
    public void A_duration_is_written_in_its_largest_whole_unit(long ticks, string text) =>
        Assert.Equal(text, DurationText.Format(new TimeSpan(ticks)));
}
