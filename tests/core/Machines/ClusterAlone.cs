using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines;

/// <summary>The cluster's machine alone: what it is told, and what it answers, in virtual time.</summary>
public abstract class ClusterAlone
{
    private readonly Outputs outputs = new();
    private ClusterMachine machine = new(null);
    private long sequence;
    private string? stored;

    private protected List<CoordinatorEvent> Events { get; } = [];

    /// <summary>The newest offer of each job, by its name.</summary>
    private protected Dictionary<string, GpusOffered> Offers { get; } = [];

    /// <summary>The newest answer to each node's report, by its name.</summary>
    private protected Dictionary<string, NodeReportTaken> Taken { get; } = [];

    private protected TimeSpan Now { get; set; }

    private protected TimeSpan? NextDeadline => machine.NextDeadline;

    /// <summary>A number that is higher than all before.</summary>
    private protected long Next() => ++sequence;

    private protected void Hear(GrainMessage message)
    {
        outputs.Clear();
        machine.Handle(Now, message, outputs);
        stored = outputs.Items.OfType<PersistState>().LastOrDefault()?.StateJson ?? stored;
        Events.AddRange(outputs.Items.OfType<ObserveEvent>().Select(observed => observed.Event));
        foreach (var sent in outputs.Items.OfType<SendToGrain>())
        {
            if ((sent.Message as GpusOffered ?? (sent.Message as GangOffered)?.Offer) is { } offered)
                Offers[sent.To.Key] = offered;
            else if (sent.Message is NodeReportTaken report)
                Taken[sent.To.Key] = report;
        }
    }

    /// <summary>The machine is loaded from what it has stored.</summary>
    private protected void Load() => machine = new ClusterMachine(stored);

    /// <summary>Time passes, and every deadline in it. A deadline that has passed already would be due for ever.</summary>
    private protected void Wait(TimeSpan time)
    {
        var end = Now + time;
        while (machine.NextDeadline is { } deadline && deadline <= end)
        {
            Now = deadline > Now ? deadline : throw new InvalidOperationException($"a deadline at {deadline}, which has passed at {Now}");
            Hear(new DeadlinePassed());
            if (deadline == end)
                break;
        }

        Now = end;
    }

    private protected GpuId[] AskedBack(string job)
    {
        Settle();
        return [.. Offers[job].Gpus.Where(offer => offer.GiveBack is not null).Select(offer => offer.Gpu)];
    }

    /// <summary>A job hears of further changes after a pause.</summary>
    private protected void Settle()
    {
        Now += TimeSpan.FromMilliseconds(150);
        Hear(new DeadlinePassed());
    }

    private protected GpuId[] Gpus(string job) =>
        [.. View().Allocations.Where(allocation => allocation.Job.Value == job).SelectMany(allocation => allocation.Gpus)];

    private protected ClusterView View() => JsonSerializer.Deserialize(machine.Describe(Now), MachinesJson.Default.ClusterView)!;
}
