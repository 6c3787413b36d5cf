using Coordinator.Tests.Worker;
using Coordinator.Worker.External;

namespace Coordinator.Tests.Programs;

/// <summary>What a program does after a step waits for the record of it, and for nothing that nobody wants any more.</summary>
public sealed class ProgramHooksTests
{
    [Fact]
    public async Task It_waits_for_the_record()
    {
        var hooks = Rank0();
        hooks.TakeRecorded(3);
        Assert.Throws<OperationCanceledException>(() => hooks.IsDue(4, new CancellationToken(canceled: true)));

        var due = Task.Run(() => hooks.IsDue(4, CancellationToken.None));
        hooks.TakeRecorded(4);
        Assert.True(await due.For("the record"));
    }

    [Fact]
    public async Task It_ends_when_what_was_to_follow_is_not_wanted()
    {
        var hooks = Rank0();
        using var wanted = new CancellationTokenSource();
        var due = Task.Run(() => hooks.IsDue(4, wanted.Token));
        await wanted.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => due.For("the end"));
    }

    [Fact]
    public async Task Another_plan_ends_it_without_the_work()
    {
        var hooks = Rank0();
        var due = Task.Run(() => hooks.IsDue(4, CancellationToken.None));
        while (!due.IsCompleted)
            hooks.TakeRank(0);
        Assert.False(await due);
    }

    private static ProgramHooks Rank0()
    {
        var hooks = new ProgramHooks([2]);
        hooks.TakeRank(0);
        return hooks;
    }
}
