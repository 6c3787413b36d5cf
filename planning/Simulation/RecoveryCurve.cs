using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Planning.Simulation;

/// <summary>What it takes to form a generation.</summary>
/// <param name="What">Which one.</param>
/// <param name="Messages">Messages between silo and nodes and among machines.</param>
/// <param name="Bytes">Their size as JSON, as on the way to workers.</param>
/// <param name="LargestKind">The part with the most bytes.</param>
/// <param name="LargestBytes">Its bytes.</param>
/// <param name="Seconds">Virtual time, from the first word to the last rank's plan, with the stated costs.</param>
public sealed record GenerationCost(string What, long Messages, long Bytes, string LargestKind, long LargestBytes, double Seconds);

/// <summary>
/// The cost of a start, of one rank's loss and of its return, against the number of ranks, each on a node of its own: counted from the
/// shipping machines' own messages.
/// </summary>
public static class RecoveryCurve
{
    /// <summary>Costs for so many ranks.</summary>
    public static IReadOnlyList<GenerationCost> At(int ranks)
    {
        var fleet = new FleetSpec
        {
            Name = "curve",
            Nodes = ranks,
            NodesPerRank = 1,
            GpusPerNode = 1,
            ShardsPerRank = 1,
            Spares = 0,
            Causes = [],
        };
        var meter = new Meter();
        var job = new MachineJob(fleet, ranks) { Heard = meter.Add };
        List<GenerationCost> costs = [meter.Take("start", job.Start())];
        costs.Add(meter.Take("one rank lost", job.Lose(100, [ranks / 2], 0.5)));
        costs.Add(meter.Take("it returns", job.Return(200, [ranks / 2], 0.5)));
        return costs;
    }

    /// <summary>Adds up sizes. What thousands of messages share is measured once.</summary>
    private sealed class Meter
    {
        private readonly SortedDictionary<string, long> bytes = new(StringComparer.Ordinal);
        private ShardsAssigned? assignment;
        private MembershipChange? change;
        private long assignmentBytes;
        private long changeBytes;
        private long messages;

        public void Add(GrainMessage message)
        {
            messages++;
            if (message is not NodeOrders orders)
            {
                Count(message.GetType().Name, Size(message));
                return;
            }

            if (orders.Assignment is { } assigned)
            {
                if (!ReferenceEquals(assigned, assignment))
                    (assignment, assignmentBytes) = (assigned, Size(orders with { Orders = [], Change = null }));
                Count("assignment of shards", assignmentBytes);
            }

            if (orders.Change is { } changed)
            {
                if (!ReferenceEquals(changed, change))
                    (change, changeBytes) = (changed, Size(orders with { Orders = [], Assignment = null }));
                Count("membership", changeBytes);
            }

            if (orders.Orders.Count > 0)
                Count("orders", Size(orders with { Assignment = null, Change = null }));
        }

        public GenerationCost Take(string what, FormedGeneration formed)
        {
            var largest = bytes.MaxBy(kind => kind.Value);
            var cost = new GenerationCost(what, messages, bytes.Values.Sum(), largest.Key, largest.Value, formed.Seconds);
            bytes.Clear();
            messages = 0;
            return cost;
        }

        private void Count(string kind, long size) => bytes[kind] = bytes.GetValueOrDefault(kind) + size;

        private static long Size(GrainMessage message) =>
            JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.GrainMessage).Length;
    }
}
