using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>A checker that finds nothing wrong must be seen to find what is.</summary>
public sealed class CheckerTests
{
    [Fact]
    public async Task One_flipped_bit_in_one_contribution_is_another_file()
    {
        var expected = await Undisturbed.Sha256Async(Workload.Gpt);
        var record = await LoopbackRun.TrainAsync(Workload.Gpt, 2, 1, "flip@contribution:5");
        Assert.Equal("finished", record.Job.Phase);
        var complaint = Assert.Single(record.Complaints(expected, Workload.Gpt.Steps));
        Assert.Contains(record.ModelSha256!, complaint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_that_is_missing_or_there_twice_is_found()
    {
        var record = await LoopbackRun.TrainAsync(Workload.Linear, 2, 1);
        var (hash, steps) = (record.ModelSha256!, Workload.Linear.Steps);
        Assert.Empty(record.Complaints(hash, steps));
        Assert.Contains(
            "1 are missing and 0",
            Assert.Single((record with { Steps = [.. record.Steps.Where(stored => stored.Step.Step != 4)] }).Complaints(hash, steps)),
            StringComparison.Ordinal);
        Assert.Contains(
            "0 are missing and 1",
            Assert.Single((record with { Steps = [.. record.Steps, record.Steps[3]] }).Complaints(hash, steps)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_survivor_that_is_set_back_is_found_and_a_newcomer_is_none()
    {
        var record = await LoopbackRun.TrainAsync(Workload.Linear, 2, 1);
        var (hash, steps) = (record.ModelSha256!, Workload.Linear.Steps);
        var answer = record.Events.Last(stored => stored.Event.Kind == EventKinds.RankState);
        var excluded = answer with { Event = answer.Event with { Kind = EventKinds.RankExcluded, Numbers = null } };
        Assert.Contains(
            "had applied step 9, and then 8",
            Assert.Single(With(Applied(9), Applied(8)).Complaints(hash, steps)),
            StringComparison.Ordinal);
        Assert.Empty(With(Applied(9), Applied(9), Applied(10)).Complaints(hash, steps));
        Assert.Empty(With(Applied(9), excluded, Applied(8)).Complaints(hash, steps));
        Assert.Empty(With(Applied(9), Applied(-1, boot: 1)).Complaints(hash, steps));

        RunRecord With(params StoredEvent[] more) => record with { Events = [.. record.Events, .. more] };

        StoredEvent Applied(long step, double boot = 0) => answer with
        {
            Event = answer.Event with { Numbers = new SortedDictionary<string, double> { ["applied"] = step, ["boot"] = boot } },
        };
    }
}
