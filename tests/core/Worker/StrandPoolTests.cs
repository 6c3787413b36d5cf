using Coordinator.Worker;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

public sealed class StrandPoolTests
{
    [Fact]
    public async Task No_strand_runs_on_two_threads_at_once_and_every_wake_is_followed_by_a_run()
    {
        using var pool = new StrandPool("test", 4);
        const int Strands = 50, Wakes = 200;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (overlaps, left) = (0, Strands);
        var counters = new int[Strands];
        var wanted = new int[Strands];
        var strands = new Strand[Strands];
        for (var i = 0; i < Strands; i++)
        {
            var (me, inside) = (i, 0);
            strands[i] = new Strand(pool, () =>
            {
                if (Interlocked.Increment(ref inside) > 1)
                    Interlocked.Increment(ref overlaps);
                var seen = Volatile.Read(ref wanted[me]);
                var before = Interlocked.Exchange(ref counters[me], seen);
                Interlocked.Decrement(ref inside);
                if (seen == Wakes && before < Wakes && Interlocked.Decrement(ref left) == 0)
                    done.SetResult();
            });
        }

        Parallel.For(0, 4, _ =>
        {
            for (var wake = 0; wake < Wakes / 4; wake++)
            {
                for (var i = 0; i < Strands; i++)
                {
                    Interlocked.Increment(ref wanted[i]);
                    strands[i].Wake();
                }
            }
        });

        await done.Task.For("the last wake of each strand to be seen");
        Assert.Equal(0, overlaps);
    }

    [Fact]
    public async Task A_strand_is_woken_by_the_time_that_it_asked_for_last()
    {
        using var pool = new StrandPool("test", 1);
        var ran = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        var strand = new Strand(pool, () => ran.TrySetResult(Monotonic.Now));
        var wanted = Monotonic.Now + TimeSpan.FromMilliseconds(30);
        strand.WakeAt(TimeSpan.Zero + TimeSpan.FromDays(1));
        strand.WakeAt(wanted);

        Assert.True(await ran.Task.For("the wake") >= wanted);
    }

    [Fact]
    public async Task A_strand_that_was_ended_has_ended_and_runs_no_more()
    {
        using var pool = new StrandPool("test", 2);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mayEnd = new TaskCompletionSource();
        var runs = 0;
        var strand = new Strand(pool, () =>
        {
            runs++;
            began.TrySetResult();
            mayEnd.Task.Wait();
        });
        strand.Wake();
        await began.Task.For("the run");
        var ending = Task.Run(strand.End);
        Assert.False(ending.IsCompleted);
        mayEnd.SetResult();
        await ending.For("the end");
        strand.Wake();

        // Whatever was queued before this one has had its turn.
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Strand(pool, () => other.TrySetResult()).Wake();
        await other.Task.For("another strand's run");
        Assert.Equal(1, runs);
    }
}
