using Coordinator.Disk;
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
        Assert.StartsWith("the file: its storage did not answer", (await Assert.ThrowsAsync<StorageTimeoutException>(() => reading)).Message, StringComparison.Ordinal);
        answer.Set();
        Assert.IsType<OperationCanceledException>(await ended.Task.For("the end of the reader"));
    }

    [Fact]
    public async Task What_the_reading_returns_or_throws_comes_out()
    {
        Assert.Equal(7, await StorageRead.RunAsync("x", TimeSpan.FromMinutes(1), _ => 7));
        await Assert.ThrowsAsync<InvalidDataException>(() => StorageRead.RunAsync<int>("x", TimeSpan.FromMinutes(1), _ => throw new InvalidDataException()));
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
}
