using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines;

public sealed class ClusterMachineTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(101);

    private readonly Outputs outputs = new();
    private ClusterMachine machine = new(null);
    private TimeSpan now;
    private long sequence;
    private string? stored;

    [Fact]
    public void A_loaded_clusters_job_hears_of_its_nodes_in_two_offers_and_not_in_one_for_each()
    {
        for (var node = 0; node < 50; node++)
            Report(node, gpus: 2);
        Request("j", wanted: 100, used: []);
        var all = Assert.Single(Offers()).Gpus.Select(offer => offer.Gpu).ToArray();
        Assert.Equal(100, all.Length);

        machine = new ClusterMachine(stored);
        now += Pause;
        List<GpusOffered> heard = [];
        for (var node = 0; node < 50; node++)
        {
            Report(node, gpus: 2);
            heard.AddRange(Offers());
        }

        Assert.Equal(2, Assert.Single(heard).Gpus.Count);
        now = machine.NextDeadline!.Value;
        Hear(new DeadlinePassed());
        Assert.Equal(all, Assert.Single(Offers()).Gpus.Where(offer => offer.Up).Select(offer => offer.Gpu));
        Assert.Null(machine.NextDeadline);
    }

    [Fact]
    public void A_job_that_asks_hears_at_once()
    {
        Report(0, gpus: 4);
        for (var i = 1; i <= 4; i++)
        {
            Request("j", wanted: i, used: []);
            Assert.Equal(i, Assert.Single(Offers()).Gpus.Count);
        }
    }

    [Fact]
    public void A_gpu_that_a_job_still_uses_is_nobody_elses_although_it_is_down()
    {
        Report(0, gpus: 1);
        Request("a", wanted: 1, used: []);
        Request("a", wanted: 1, used: [Gpu(0, 0)]);
        Request("b", wanted: 1, used: []);
        Report(0, gpus: 1, up: false);
        Report(0, gpus: 1);
        Assert.Empty(Allocation("b").Gpus);
        Request("a", wanted: 0, used: []);
        Assert.Equal([Gpu(0, 0)], Allocation("b").Gpus);
    }

    [Fact]
    public void A_gpu_that_two_jobs_used_is_the_others_when_one_lets_go()
    {
        Report(0, gpus: 1);
        Request("a", wanted: 1, used: [Gpu(0, 0)]);
        Request("b", wanted: 1, used: [Gpu(0, 0)]);
        Assert.Equal([Gpu(0, 0)], Allocation("a").Gpus);
        Request("a", wanted: 0, used: []);
        Assert.Equal([Gpu(0, 0)], Allocation("b").Gpus);
    }

    [Fact]
    public void What_a_gpu_says_of_itself_is_durable_before_it_is_acknowledged_and_a_cluster_that_was_loaded_anew_knows_it()
    {
        Report(0, gpus: 2);
        Report(1, gpus: 2);
        Hear(Condition(Gpu(0, 1), number: 1, schedulable: false));
        Assert.Empty(Acknowledged());
        now = machine.NextDeadline!.Value;
        Hear(new DeadlinePassed());
        Assert.IsType<PersistState>(outputs.Items[0]);
        Assert.Equal([1], Acknowledged());

        machine = new ClusterMachine(stored);
        Report(1, gpus: 2);
        Assert.Null(Taken().Watched);
        Report(0, gpus: 2);
        Assert.Equal([1], Taken().Watched!);
        Request("j", wanted: 4, used: []);
        Assert.Equal([Gpu(0, 0), Gpu(1, 0), Gpu(1, 1)], Allocation("j").Gpus);

        // On probation it serves, and is woken all the same when its node comes.
        Hear(Condition(Gpu(0, 1), number: 2, schedulable: true));
        Assert.Equal(4, Allocation("j").Gpus.Count);
        Report(0, gpus: 2);
        Assert.Equal([1], Taken().Watched!);
        Hear(Condition(Gpu(0, 1), number: 3, schedulable: true) with { Watched = false });
        Report(0, gpus: 2);
        Assert.Null(Taken().Watched);
    }

    [Fact]
    public void Of_two_reports_of_a_gpu_the_later_one_holds_in_whatever_order_they_come()
    {
        Report(0, gpus: 1);
        Hear(Condition(Gpu(0, 0), number: 5, schedulable: true) with { Watched = false });
        Assert.Equal([5], Acknowledged());
        Hear(Condition(Gpu(0, 0), number: 4, schedulable: false));
        Assert.Empty(Acknowledged());
        Request("j", wanted: 1, used: []);
        Assert.Equal([Gpu(0, 0)], Allocation("j").Gpus);

        // A later activation counts from the beginning.
        Hear(Condition(Gpu(0, 0), number: 1, schedulable: false) with { Incarnation = 2 });
        Assert.Empty(Allocation("j").Gpus);
    }

    [Fact]
    public void A_gpu_of_an_older_silo_counts_nothing_and_is_heard_all_the_same()
    {
        Report(0, gpus: 1);
        Hear(new GpuConditionReported(Gpu(0, 0), new WorkerSession(1, 1), false, "XID 46"));
        Assert.Equal([0], Taken().Watched!);
        Hear(new GpuConditionReported(Gpu(0, 0), new WorkerSession(1, 1), true, ""));
        Report(0, gpus: 1);
        Assert.Null(Taken().Watched);
        Assert.Empty(Acknowledged());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_happens_no_gpu_is_given_twice_and_none_lies_idle_that_is_wanted(int seed)
    {
        var random = new Random(seed);
        Dictionary<int, (int Gpus, string Class, bool Up)> nodes = [];
        HashSet<GpuId> outOfService = [];
        Dictionary<string, (int Wanted, HashSet<GpuId> Used)> jobs = [];
        for (var step = 0; step < 3000; step++)
        {
            now += TimeSpan.FromMilliseconds(random.Next(200));
            var node = random.Next(12);
            switch (random.Next(10))
            {
                case < 4:
                    nodes[node] = (random.Next(1, 5), random.Next(3) == 0 ? "b" : "a", random.Next(3) > 0);
                    Report(node, nodes[node].Gpus, nodes[node].Up, nodes[node].Class);
                    AnswerFor(node, outOfService);
                    break;
                case < 6:
                    var gpu = Gpu(node, random.Next(5));
                    var schedulable = random.Next(2) == 0;
                    _ = schedulable ? outOfService.Remove(gpu) : outOfService.Add(gpu);
                    Hear(new GpuConditionReported(gpu, new WorkerSession(1, 1), schedulable, ""));
                    break;
                case 6:
                    machine = new ClusterMachine(stored);
                    Hear(new Activated("s"));
                    foreach (var (known, state) in nodes)
                    {
                        Report(known, state.Gpus, state.Up, state.Class);
                        AnswerFor(known, outOfService);
                    }

                    foreach (var bad in outOfService)
                        Hear(new GpuConditionReported(bad, new WorkerSession(1, 1), false, ""));
                    foreach (var (asking, wish) in jobs)
                        Request(asking, wish.Wanted, [.. wish.Used]);
                    break;
                default:
                    var job = $"j{random.Next(5)}";
                    var has = View().Allocations.FirstOrDefault(allocation => allocation.Job.Value == job)?.Gpus ?? [];
                    jobs[job] = (random.Next(10), [.. has.Where(_ => random.Next(2) == 0)]);
                    Request(job, jobs[job].Wanted, [.. jobs[job].Used]);
                    break;
            }

            Check(nodes, outOfService, jobs);
        }
    }

    private void Check(
        Dictionary<int, (int Gpus, string Class, bool Up)> nodes,
        HashSet<GpuId> outOfService,
        Dictionary<string, (int Wanted, HashSet<GpuId> Used)> jobs)
    {
        var view = View();
        var given = view.Allocations.SelectMany(allocation => allocation.Gpus).ToList();
        Assert.Equal(given.Count, given.Distinct().Count());
        var fit = nodes.Where(pair => pair.Value.Up).SelectMany(
            pair => Enumerable.Range(0, pair.Value.Gpus).Select(index => (Id: Gpu(pair.Key, index), pair.Value.Class)))
            .Where(gpu => !outOfService.Contains(gpu.Id)).ToDictionary(gpu => gpu.Id, gpu => gpu.Class);
        foreach (var allocation in view.Allocations)
        {
            var (wanted, used) = jobs[allocation.Job.Value];
            Assert.Superset(used, allocation.Gpus.ToHashSet());
            Assert.All(
                allocation.Gpus, gpu => Assert.True(fit.ContainsKey(gpu) || used.Contains(gpu), $"{gpu} is neither used nor any use"));
            if (allocation.Gpus.Count(fit.ContainsKey) >= wanted)
                continue;
            var deviceClass = allocation.Gpus.Select(gpu => nodes.TryGetValue(Number(gpu), out var node) && gpu.Index < node.Gpus
                ? node.Class
                : null).FirstOrDefault(found => found is not null);
            Assert.DoesNotContain(fit, gpu => !given.Contains(gpu.Key) && (deviceClass is null || gpu.Value == deviceClass));
        }
    }

    /// <summary>Gpus on record are woken by their node, and say how they are.</summary>
    private void AnswerFor(int node, HashSet<GpuId> outOfService)
    {
        foreach (var index in Taken().Watched ?? [])
            Hear(new GpuConditionReported(Gpu(node, index), new WorkerSession(1, 1), !outOfService.Contains(Gpu(node, index)), ""));
    }

    private static GpuId Gpu(int node, int index) => new(new NodeId($"n{node:00}"), index);

    private static int Number(GpuId gpu) => int.Parse(gpu.Node.Value.AsSpan(1));

    private void Report(int node, int gpus, bool up = true, string deviceClass = "a") => Hear(new NodeReported(
        new NodeId($"n{node:00}"),
        new WorkerSession(1, 1),
        ++sequence,
        up,
        "host:1",
        [.. Enumerable.Range(0, gpus).Select(index => new GpuDescription(index, "gpu", deviceClass, "cpu"))]));

    private void Request(string job, int wanted, GpuId[] used) => Hear(new GpusRequested(new JobId(job), 1, ++sequence, wanted, used, []));

    private static GpuConditionReported Condition(GpuId gpu, long number, bool schedulable) =>
        new(gpu, new WorkerSession(1, 1), schedulable, "XID 46") { Watched = true, Incarnation = 1, Number = number };

    private NodeReportTaken Taken() => outputs.Items.OfType<SendToGrain>().Select(sent => sent.Message).OfType<NodeReportTaken>().Single();

    private IEnumerable<long> Acknowledged() =>
        outputs.Items.OfType<SendToGrain>().Select(sent => sent.Message).OfType<GpuConditionTaken>().Select(taken => taken.Number);

    private void Hear(GrainMessage message)
    {
        outputs.Clear();
        machine.Handle(now, message, outputs);
        stored = outputs.Items.OfType<PersistState>().LastOrDefault()?.StateJson ?? stored;
    }

    private IEnumerable<GpusOffered> Offers() => outputs.Items.OfType<SendToGrain>().Select(sent => sent.Message).OfType<GpusOffered>();

    private AllocationView Allocation(string job) => View().Allocations.Single(allocation => allocation.Job.Value == job);

    private ClusterView View() => JsonSerializer.Deserialize(machine.Describe(now), MachinesJson.Default.ClusterView)!;
}
