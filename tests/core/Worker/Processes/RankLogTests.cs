using System.Text;
using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Worker.Processes;

/// <summary>Logs of ranks: bounded, and read while they are written.</summary>
public sealed class RankLogTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ranklog-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_log_takes_no_more_of_the_disk_than_it_may_and_its_end_is_always_there()
    {
        using var log = new RankLog(new RankLogOptions(folder, "rank-0") { MostBytes = 64 << 10 });
        for (var i = 0; i < 5000; i++)
            log.Append(LogStream.Output, Encoding.UTF8.GetBytes($"line {i} {new string('x', 80)}\n"));

        var size = Directory.EnumerateFiles(folder).Sum(file => new FileInfo(file).Length);
        var end = RankLogFiles.Read(folder, "rank-0", -200, 4096)!;
        Assert.InRange(size, 32 << 10, 64 << 10);
        Assert.Contains("line 4999 ", Encoding.UTF8.GetString(end.Bytes), StringComparison.Ordinal);
        Assert.Equal(end.End, end.From + end.Bytes.Length);
    }

    [Fact]
    public void A_reader_that_was_overtaken_goes_on_with_the_oldest_that_is_left_and_sees_that_something_is_missing()
    {
        using var log = new RankLog(new RankLogOptions(folder, "rank-0") { MostBytes = 64 << 10 });
        for (var i = 0; i < 5000; i++)
            log.Append(LogStream.Output, Encoding.UTF8.GetBytes($"line {i} {new string('x', 80)}\n"));

        var piece = RankLogFiles.Read(folder, "rank-0", 10, 1 << 20)!;

        Assert.True(piece.From > 10);
        Assert.Matches(@"^\S+ stdout F line \d+ x", Encoding.UTF8.GetString(piece.Bytes));
    }

    [Fact]
    public void Reading_on_from_where_the_last_piece_ended_gives_every_byte_once()
    {
        using var log = new RankLog(new RankLogOptions(folder, "rank-0") { MostBytes = 1 << 20 });
        var read = new StringBuilder();
        var place = 0L;
        for (var i = 0; i < 200; i++)
        {
            log.Append(LogStream.Output, Encoding.UTF8.GetBytes($"{i}\n"));
            for (LogPiece? piece; (piece = RankLogFiles.Read(folder, "rank-0", place, 7)) is { Bytes.Length: > 0 }; place = piece.From
                + piece.Bytes.Length)
            {
                read.Append(Encoding.UTF8.GetString(piece.Bytes));
            }
        }

        Assert.Equal(
            Enumerable.Range(0, 200).Select(i => $"{i}"),
            read.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[(line.LastIndexOf(' ') + 1)..]));
    }

    [Fact]
    public void A_line_that_never_ends_is_kept_in_pieces()
    {
        var lines = new List<string>();
        using (var log = new RankLog(new RankLogOptions(folder, "rank-0"), (_, line) => lines.Add(line)))
        {
            log.Append(LogStream.Error, Encoding.UTF8.GetBytes(new string('y', 40_000)));
            log.Append(LogStream.Error, "end"u8);
        }

        Assert.Equal([16384, 16384, 7235], lines.Select(line => line.Length));
        var kinds = Encoding.UTF8.GetString(RankLogFiles.Read(folder, "rank-0", 0, 1 << 20)!.Bytes).Split(
            '\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[2]);
        Assert.Equal(["P", "P", "F"], kinds);
    }

    [Fact]
    public void There_is_no_log_of_a_rank_that_never_ran() => Assert.Null(RankLogFiles.Read(folder, "rank-9", 0, 100));

    [Fact]
    public void A_name_that_begins_as_another_is_another_log()
    {
        using var first = new RankLog(new RankLogOptions(folder, "g1-rank-1"));
        using var other = new RankLog(new RankLogOptions(folder, "g1-rank-10"));
        other.Append(LogStream.Output, "other\n"u8);

        Assert.Null(RankLogFiles.Read(folder, "g1-rank-1", 0, 100));
        Assert.Equal(["g1-rank-10"], RankLogFiles.NamesIn(folder));
    }
}
