using Coordinator.Worker;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

public sealed class SerialTaskPoolTests
{
    [Fact]
    public async Task No_task_runs_on_two_threads_at_once_and_every_wake_is_followed_by_a_run()
    {
        using var pool = new SerialTaskPool("test", 4);
        const int Tasks = 50, Wakes = 200;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (overlaps, left) = (0, Tasks);
        var counters = new int[Tasks];
        var wanted = new int[Tasks];
        var tasks = new SerialTask[Tasks];
        for (var i = 0; i < Tasks; i++)
        {
            var (me, inside) = (i, 0);
            tasks[i] = new SerialTask(pool, () =>
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
                for (var i = 0; i < Tasks; i++)
                {
                    Interlocked.Increment(ref wanted[i]);
                    tasks[i].Wake();
                }
            }
        });

        await done.Task.For("the last wake of each task to be seen");
        Assert.Equal(0, overlaps);
    }

    [Fact]
    public async Task A_task_is_woken_by_the_time_that_it_asked_for_last()
    {
        using var pool = new SerialTaskPool("test", 1);
        var ran = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        var task = new SerialTask(pool, () => ran.TrySetResult(Monotonic.Now));
        var wanted = Monotonic.Now + TimeSpan.FromMilliseconds(30);
        task.WakeAt(TimeSpan.Zero + TimeSpan.FromDays(1));
        task.WakeAt(wanted);

        Assert.True(await ran.Task.For("the wake") >= wanted);
    }

    [Fact]
    public async Task A_task_that_was_ended_has_ended_and_runs_no_more()
    {
        using var pool = new SerialTaskPool("test", 2);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mayEnd = new TaskCompletionSource();
        var runs = 0;
        var task = new SerialTask(pool, () =>
        {
            runs++;
            began.TrySetResult();
            mayEnd.Task.Wait();
        });
        task.Wake();
        await began.Task.For("the run");
        var ending = Task.Run(task.End);
        Assert.False(ending.IsCompleted);
        mayEnd.SetResult();
        await ending.For("the end");
        task.Wake();

        // Whatever was queued before this one has had its turn.
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new SerialTask(pool, () => other.TrySetResult()).Wake();
        await other.Task.For("another task's run");
        Assert.Equal(1, runs);
    }
}
