using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

public sealed class RealKillTests
{
    public static TheoryData<string> Names => [.. KillSchedules.All.Select(schedule => schedule.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Real_processes_end_with_the_same_file_whatever_is_killed(string name)
    {
        var schedule = KillSchedules.All.Single(row => row.Name == name);
        var expected = await Undisturbed.Sha256Async(schedule.Workload);
        var record = await ProcessRun.RunAsync(schedule);
        Assert.Empty(record.Complaints(expected, schedule.Workload.Steps));
    }

    [Fact]
    public void The_table_strikes_at_every_point_and_leaves_somebody_alive()
    {
        var rules = KillSchedules.All.SelectMany(schedule => schedule.Faults).Select(fault => FaultRule.Parse(fault.Rule)).ToArray();

        // The points of a checkpoint strike in RestoreTests: there nobody is left alive.
        Assert.Equal(
            Enum.GetValues<FaultPoint>().Except([FaultPoint.Save, FaultPoint.Seal]), rules.Select(rule => rule.Point).Distinct().Order());
        Assert.Equal(Enumerable.Range(1, 4), KillSchedules.All.Select(schedule => schedule.Workers).Distinct().Order());
        Assert.Equal([1, 2, 3, 20], KillSchedules.All.Select(schedule => schedule.Gpus).Distinct().Order());
        Assert.All(KillSchedules.All, schedule =>
        {
            var atOnce = schedule.Faults.Where(fault => fault.Rule.StartsWith("kill", StringComparison.Ordinal))
                .GroupBy(fault => fault.Rule).Select(same => same.Count());
            Assert.All(atOnce, count => Assert.True(count < schedule.Workers));
        });
    }
}
