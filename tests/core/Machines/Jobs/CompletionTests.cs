using Coordinator.Machines;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>All members end with one hash; a model that was stored stays so through generations, and not through more steps.</summary>
public sealed class CompletionTests
{
    private readonly Completion completion = new();

    [Fact]
    public void Members_that_end_with_different_states_are_seen()
    {
        Assert.True(completion.Add(JobTurns.Gpu(1), new string('a', 64)));
        Assert.True(completion.Add(JobTurns.Gpu(2), new string('a', 64)));
        Assert.False(completion.Add(JobTurns.Gpu(3), new string('b', 64)));
    }

    [Fact]
    public void A_generation_forgets_who_has_finished_and_keeps_the_model()
    {
        completion.Add(JobTurns.Gpu(1), new string('a', 64));
        completion.Store(new ModelStored("sha", 8));
        completion.ForgetMembers();
        Assert.False(completion.Has(JobTurns.Gpu(1)));
        Assert.NotNull(completion.Model);
        completion.Clear();
        Assert.Null(completion.Model);
    }
}
