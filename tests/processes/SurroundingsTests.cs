using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Tests.Processes;

/// <summary>What a process that a test starts inherits, however the tests themselves were started.</summary>
public sealed class SurroundingsTests
{
    private const string Look = """grep SigIgn /proc/self/status; umask; env | grep -iE '_proxy=|^(COORDINATOR|ASPNETCORE)_|^TZ=' """;

    [Fact]
    public async Task A_child_inherits_no_ignored_signal_no_mask_no_proxy_and_no_setting_of_the_user()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Look]) { RedirectStandardOutput = true })!;
        var lines = (await shell.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var ignored = ulong.Parse(lines[0].Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        Assert.Equal(0UL, ignored & Bits(1, 2, 3, 14, 15));
        Assert.Equal(["0022", "TZ=UTC"], lines[1..]);
    }

    [Fact]
    public void A_home_is_there_and_the_time_zone_is_utc()
    {
        Assert.True(Directory.Exists(Environment.GetEnvironmentVariable("HOME")));
        Assert.Equal(TimeSpan.Zero, TimeZoneInfo.Local.BaseUtcOffset);
    }

    private static ulong Bits(params int[] signals) => signals.Aggregate(0UL, (bits, signal) => bits | (1UL << (signal - 1)));
}
