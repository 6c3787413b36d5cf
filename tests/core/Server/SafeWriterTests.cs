using System.Text;
using Coordinator.Server.Hosting;

namespace Coordinator.Tests.Server;

/// <summary>What a run says costs it nothing, wherever it goes.</summary>
public sealed class SafeWriterTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public void What_cannot_be_written_is_dropped_and_the_next_text_is_tried_again()
    {
        var disk = new Disk { IsFull = true };
        using var writer = new SafeWriter(disk);
        writer.WriteLine("lost");
        Assert.True(writer.Drain(Limit));
        disk.IsFull = false;
        writer.WriteLine("written");
        Assert.True(writer.Drain(Limit));

        Assert.Equal("written" + Environment.NewLine, disk.Text);
        Assert.Equal("No space left on device", writer.Trouble!.Message);
    }

    [Fact]
    public void Nobody_waits_for_a_reader_that_takes_nothing_and_it_learns_later_what_it_missed()
    {
        var disk = new Disk();
        disk.Open.Reset();
        using var writer = new SafeWriter(disk);
        writer.NeverWait();
        writer.Write("first ");
        for (var more = 0; more < 3; more++)
            writer.Write(new string('x', SafeWriter.Capacity));
        Assert.False(writer.Drain(TimeSpan.Zero));

        disk.Open.Set();
        Assert.True(writer.Drain(Limit));
        writer.Write("last");
        Assert.True(writer.Drain(Limit));
        Assert.EndsWith(
            $"({2 * SafeWriter.Capacity} characters of output were dropped here, since nobody read them){Environment.NewLine}last",
            disk.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_waits_for_its_reader_and_is_whole()
    {
        var disk = new Disk();
        disk.Open.Reset();
        using var writer = new SafeWriter(disk);
        var written = Task.Run(() =>
        {
            for (var more = 0; more < 3; more++)
                writer.Write(new string('x', SafeWriter.Capacity));
        });
        disk.Open.Set();
        await written.WaitAsync(Limit);
        Assert.True(writer.Drain(Limit));

        Assert.Equal(3 * SafeWriter.Capacity, disk.Text.Length);
    }

    [Theory]
    [InlineData(15, 15, 600, true)]
    [InlineData(2, 2, 600, true)]
    [InlineData(15, 2, 600, true)]
    [InlineData(1, 1, 600, true)]
    [InlineData(15, 15, 3, false)]
    [InlineData(10, 15, 60_000, false)]
    [InlineData(1, 15, 600, false)]
    [InlineData(15, 1, 600, false)]
    [InlineData(15, 10, 600, false)]
    public void A_second_signal_ends_at_once_unless_it_is_an_echo_or_the_first_was_a_warning(
        int first, int second, int milliseconds, bool ends) =>
        Assert.Equal(ends, Signals.EndsAtOnce(first, second, TimeSpan.FromMilliseconds(milliseconds)));

    /// <summary>A disk, or a pipe whose reader takes nothing while it is not open.</summary>
    private sealed class Disk : TextWriter
    {
        private readonly StringBuilder text = new();

        public bool IsFull { get; set; }

        public ManualResetEventSlim Open { get; } = new(initialState: true);

        public override Encoding Encoding => Encoding.UTF8;

        public string Text => text.ToString();

        public override void Write(char value) => Write(value.ToString());

        public override void Write(string? value)
        {
            Open.Wait();
            if (IsFull)
                throw new IOException("No space left on device");
            text.Append(value);
        }
    }
}
