using Coordinator.Machines.Gangs;
using Coordinator.Machines.Gangs.Policies;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>What a failure costs, and what gives it back.</summary>
public sealed class RestartBudgetTests
{
    private static readonly GangSpec Spec = new() { Restarts = 2, ProgressTime = TimeSpan.FromMinutes(5) };

    [Fact]
    public void A_failure_of_its_own_costs_one_and_one_too_many_ends_it()
    {
        Assert.Equal((2, false), RestartBudget.After(Spec, spent: 1, gotOn: false, counts: true));
        Assert.Equal((3, true), RestartBudget.After(Spec, spent: 2, gotOn: false, counts: true));
    }

    [Fact]
    public void What_is_not_its_own_costs_nothing() =>
        Assert.Equal((2, false), RestartBudget.After(Spec, spent: 2, gotOn: false, counts: false));

    [Fact]
    public void Getting_on_gives_all_back() => Assert.Equal((1, false), RestartBudget.After(Spec, spent: 2, gotOn: true, counts: true));

    [Theory]
    [InlineData(10, 11, 1, true)]
    [InlineData(10, 10, 3600, false)]
    [InlineData(0, 0, 299, false)]
    [InlineData(0, 0, 301, true)]
    public void A_step_beyond_all_earlier_ones_is_progress_and_time_is_where_no_step_is_told(
        long before, long best, double ranSeconds, bool gotOn) =>
        Assert.Equal(gotOn, RestartBudget.GotOn(Spec, before, best, TimeSpan.FromSeconds(ranSeconds), silent: TimeSpan.Zero));

    [Fact]
    public void Whoever_was_not_heard_all_the_while_has_not_got_on() =>
        Assert.False(RestartBudget.GotOn(Spec, 0, 0, TimeSpan.FromHours(1), silent: TimeSpan.FromMinutes(6)));
}
