using System.Collections.Concurrent;
using Coordinator.Machines;
using Coordinator.Worker.Devices;

namespace Coordinator.Tests.Worker;

/// <content>Ranks whose programs take long to make: the worker answers for them meanwhile.</content>
public sealed partial class NodeRanksTests
{
    [Fact]
    public async Task While_a_program_is_made_the_worker_says_so_and_then_answers()
    {
        var worker = Worker("a", 1);
        worker.MayMake = new TaskCompletionSource();
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        for (var i = 0; i < 2; i++)
        {
            var said = Assert.IsType<RankPreparing>(await worker.Said.Reader.Next("that it prepares"));
            Assert.Equal((Sample.Gpu("a"), 2L, false), (said.Gpu, said.Generation, said.Ready));
        }

        worker.MayMake.SetResult();
        Assert.Equal(2, ((RankState)await worker.Said.Reader.Next("the answer", said => said is RankState)).Generation);
    }

    [Fact]
    public async Task A_rank_that_the_job_went_on_without_says_that_it_is_ready_until_the_job_is_heard()
    {
        var worker = Worker("a", 1);
        worker.MayMake = new TaskCompletionSource();
        var members = Members("a");
        var release = new ReleaseRank { Job = Sample.Job, Incarnation = 1, Timeline = 0, Generation = 3, Gpu = Sample.Gpu("a") };
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        worker.Ranks.Handle(new RankOrdered(release));
        worker.MayMake.SetResult();
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(3, ((RankPreparing)await worker.Said.Reader.Next(
                "that it is ready", said => said is RankPreparing { Ready: true })).Generation);
        }

        // The job has heard it, and calls it.
        var next = members with { Generation = 4 };
        worker.Ranks.Handle(new RankOrdered(release));
        worker.Ranks.Handle(new MembershipChanged(Change(next, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(next, 0)));
        Assert.Equal(4, ((RankState)await worker.Said.Reader.Next("the answer", said => said is RankState)).Generation);
    }

    [Fact]
    public async Task A_device_whose_first_memory_takes_long_holds_up_neither_heartbeats_nor_orders()
    {
        var worker = Worker("a", 2);
        using var mayAllocate = new ManualResetEventSlim();
        var allocating = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        worker.Wrap = device => new SlowDevice(new AwayDevice(device), allocating, mayAllocate);
        var members = Members("aa");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await allocating.Task.For("the first memory");
        try
        {
            Assert.Empty(await Task.Run(() => worker.Ranks.Positions).For("the heartbeat's positions"));
            await Task.Run(() => worker.Ranks.Handle(new RankOrdered(Prepare(members, 1)))).For("another order");
            await worker.Said.Reader.Next("that it prepares", said => said is RankPreparing);
        }
        finally
        {
            mayAllocate.Set();
        }

        await worker.Said.Reader.Next("an answer", said => said is RankState);
    }

    [Fact]
    public async Task A_device_is_made_and_finds_its_first_memory_on_a_thread_of_its_own_also_where_its_data_came_late()
    {
        var worker = Worker("a", 1);
        var mayMake = worker.MayMake = new TaskCompletionSource();
        var threads = new ConcurrentQueue<(Thread Thread, bool IsOfThePool)>();
        worker.Wrap = device =>
        {
            Note();
            return new NotingDevice(device, Note);
        };
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("that it prepares", said => said is RankPreparing);
        await Task.Run(mayMake.SetResult);
        await worker.Said.Reader.Next("an answer", said => said is RankState);
        var made = threads.Take(2).ToArray();
        Assert.Same(made[0].Thread, made[1].Thread);
        Assert.DoesNotContain(made, note => note.IsOfThePool);

        void Note() => threads.Enqueue((Thread.CurrentThread, Thread.CurrentThread.IsThreadPoolThread));
    }

    [Fact]
    public async Task The_end_of_a_worker_leaves_behind_what_never_comes()
    {
        var worker = Worker("a", 1, endTimeout: TimeSpan.FromMilliseconds(10));
        var never = worker.MayMake = new TaskCompletionSource();
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("that it prepares", said => said is RankPreparing);
        await worker.Ranks.DisposeAsync().AsTask().For("the end of the worker");
        never.SetResult();
    }

    /// <summary>Notes that memory is asked of it.</summary>
    private sealed class NotingDevice(TinyDevice inner, Action note) : ForwardingDevice(inner)
    {
        public override DeviceGradient CreateGradient()
        {
            note();
            return base.CreateGradient();
        }
    }

    /// <summary>A device that is slow to find its first memory.</summary>
    private sealed class SlowDevice(IRankDevice inner, TaskCompletionSource allocating, ManualResetEventSlim mayAllocate)
        : ForwardingDevice(inner)
    {
        public override DeviceGradient CreateGradient()
        {
            allocating.TrySetResult();
            mayAllocate.Wait();
            return base.CreateGradient();
        }
    }
}
