namespace Coordinator.Tests.Chaos;

[Collection("chaos")]
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
}
