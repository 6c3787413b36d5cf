using Coordinator.Cli.Workers;

namespace Coordinator.Tests.Cli;

public sealed class BootNumberTests : IDisposable
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeMilliseconds(1_000_000);
    private readonly string folder = Directory.CreateTempSubdirectory("boot-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_process_is_named_by_the_time_of_its_start()
    {
        Assert.Equal(1_000_000, BootNumber.Next(folder, "a", Start));
        Assert.Equal(1_005_000, BootNumber.Next(folder, "a", Start.AddSeconds(5)));
    }

    [Fact]
    public void A_clock_that_was_set_back_does_not_lower_it()
    {
        Assert.Equal(1_000_000, BootNumber.Next(folder, "a", Start));
        Assert.Equal(1_000_001, BootNumber.Next(folder, "a", Start.AddHours(-1)));
        Assert.Equal(1_000_002, BootNumber.Next(folder, "a", Start.AddHours(-1)));
    }

    [Fact]
    public void Nodes_that_share_a_folder_do_not_share_it()
    {
        Assert.Equal(1_000_000, BootNumber.Next(folder, "a:1", Start));
        Assert.Equal(900_000, BootNumber.Next(folder, "b:1", Start.AddSeconds(-100)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("-5")]
    [InlineData("9223372036854775807")]
    public void A_damaged_note_is_passed_over(string note)
    {
        File.WriteAllText(Path.Combine(folder, "boot-a"), note);
        Assert.Equal(1_000_000, BootNumber.Next(folder, "a", Start));
    }
}
