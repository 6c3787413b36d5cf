namespace Coordinator.Tests.Processes.Chaos;

public sealed class EqualFileTests
{
    public static TheoryData<string, int, int> Sizes
    {
        get
        {
            var sizes = new TheoryData<string, int, int>();
            foreach (var (workers, gpus) in new[] { (1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2), (4, 1), (4, 2) })
                sizes.Add(Workload.Gpt.Name, workers, gpus);
            sizes.Add(Workload.GptWithDropout.Name, 3, 1);
            sizes.Add(Workload.Linear.Name, 2, 2);
            sizes.Add(Workload.Linear.Name, 4, 2);
            sizes.Add(Workload.Wide.Name, 1, 64);
            sizes.Add(Workload.Wide.Name, 3, 20);
            return sizes;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Any_number_of_workers_and_ranks_writes_the_same_file(string workload, int workers, int gpus)
    {
        var what = new[] { Workload.Gpt, Workload.GptWithDropout, Workload.Linear, Workload.Wide }.Single(one => one.Name == workload);
        var record = await LoopbackRun.TrainAsync(what, workers, gpus);
        Assert.Equal(workers * gpus, record.Job.Members.Count);
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(what), what.Steps));
    }
}
