using System.Threading.Channels;
using Coordinator.Disk;
using Coordinator.Tests.Support;
using Coordinator.Tests.Worker;

namespace Coordinator.Tests.Disk;

/// <summary>Storage that never answers is left behind; storage that answers is read to its end.</summary>
public sealed class StorageReadTests
{
    [Fact]
    public async Task Storage_that_says_nothing_is_left_behind_and_its_reader_ends_when_it_answers()
    {
        using var answer = new ManualResetEventSlim();
        var ended = new TaskCompletionSource<Exception?>();
        var reading = StorageRead.RunAsync("the file", TimeSpan.FromMilliseconds(20), read =>
        {
            answer.Wait();
            ended.SetResult(Record.Exception(read.Moved));
            return 1;
        });
        Assert.StartsWith(
            "the file: its storage did not answer",
            (await Assert.ThrowsAsync<StorageTimeoutException>(() => reading)).Message,
            StringComparison.Ordinal);
        answer.Set();
        Assert.IsType<OperationCanceledException>(await ended.Task.For("the end of the reader"));
    }

    [Fact]
    public async Task What_the_reading_returns_or_throws_comes_out()
    {
        Assert.Equal(7, await StorageRead.RunAsync("x", TimeSpan.FromMinutes(1), _ => 7));
        await Assert.ThrowsAsync<InvalidDataException>(
            () => StorageRead.RunAsync<int>("x", TimeSpan.FromMinutes(1), _ => throw new InvalidDataException()));
    }

    [Fact]
    public async Task A_reading_that_nobody_needs_is_given_up()
    {
        using var answer = new ManualResetEventSlim();
        using var abandon = new CancellationTokenSource();
        var reading = StorageRead.RunAsync("x", TimeSpan.FromMinutes(1), _ => answer.Wait(TimeSpan.FromMinutes(1)), abandon.Token);
        await abandon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        answer.Set();
    }

    [Fact]
    public async Task Silence_is_counted_in_looks_so_that_a_process_that_was_stopped_does_not_blame_its_storage()
    {
        using var answer = new ManualResetEventSlim();
        var time = new LookTime();
        var reading = StorageRead.RunAsync("x", () => TimeSpan.FromSeconds(3), _ => answer.Wait(TimeSpan.FromMinutes(1)), time: time);

        // An hour passes between the first look and the second, and the reading was not given up after either.
        (await time.Looks.Reader.Next("the first look"))();
        (await time.Looks.Reader.Next("the second look"))();
        (await time.Looks.Reader.Next("the third look"))();
        await Assert.ThrowsAsync<StorageTimeoutException>(() => reading.For("the end of the reading"));
        answer.Set();
    }

    [Fact]
    public async Task A_piece_that_comes_begins_the_silence_anew()
    {
        using var mayMove = new SemaphoreSlim(0);
        using var moved = new SemaphoreSlim(0);
        var time = new LookTime();
        var reading = StorageRead.RunAsync("x", () => TimeSpan.FromSeconds(2), read =>
        {
            mayMove.Wait();
            read.Moved();
            moved.Release();
            mayMove.Wait();
            return 7;
        }, time: time);
        (await time.Looks.Reader.Next("the first look"))();
        var second = await time.Looks.Reader.Next("the second look");
        mayMove.Release();
        await moved.WaitAsync();
        second();
        (await time.Looks.Reader.Next("the third look"))();
        await time.Looks.Reader.Next("the fourth look");
        mayMove.Release();
        Assert.Equal(7, await reading.For("the end of the reading"));
    }

    [Fact]
    public async Task A_stream_over_storage_gives_the_files_bytes()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("x", [.. Enumerable.Range(0, 200).Select(i => (byte)i)]);
        using var stream = await StorageStream.OpenAsync(path);
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, 64);
        Assert.Equal(await File.ReadAllBytesAsync(path), all.ToArray());
        await Assert.ThrowsAsync<FileNotFoundException>(() => StorageStream.OpenAsync(folder.File("none")));
    }

    /// <summary>A clock on which a look ends when the test says so, an hour after the one before.</summary>
    private sealed class LookTime : TimeProvider
    {
        private long hours;

        public Channel<Action> Looks { get; } = Channel.CreateUnbounded<Action>();

        public override long GetTimestamp() => Interlocked.Read(ref hours) * TimeSpan.TicksPerHour;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Looks.Writer.TryWrite(() =>
            {
                Interlocked.Increment(ref hours);
                callback(state);
            });
            return new NoTimer();
        }

        private sealed class NoTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
