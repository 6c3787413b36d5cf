using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>
/// The planted bug of stale orders: a node's or gpu's grain that passes on what its machine refuses because the order comes from an earlier
/// activation of the job.
/// </summary>
internal sealed class FencelessGrain(IMachine machine) : IMachine
{
    private readonly SortedDictionary<JobId, long> newest = [];

    public GrainAddress Address => machine.Address;

    public TimeSpan? NextDeadline => machine.NextDeadline;

    /// <summary>The shipping machines, behind a broken host where they pass orders on.</summary>
    public static IMachine Create(GrainAddress address, string? stateJson)
    {
        var machine = MachineFactory.Create(address, stateJson);
        return address.Kind is GrainKind.Node or GrainKind.Gpu ? new FencelessGrain(machine) : machine;
    }

    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        machine.Handle(now, message, outputs);
        if (message is NodeOrders orders && IsStale(orders.Job, orders.Incarnation))
        {
            foreach (var order in orders.Orders)
                outputs.Send(GrainAddress.Of(order.Gpu), new GpuOrdered(order));
        }
        else if (message is GpuOrdered { Order: var order } && IsStale(order.Job, order.Incarnation))
        {
            outputs.Send(order.Gpu.Node, new RankOrdered(order));
        }
    }

    public string Describe(TimeSpan now) => machine.Describe(now);

    private bool IsStale(JobId job, long incarnation)
    {
        if (incarnation < newest.GetValueOrDefault(job))
            return true;
        newest[job] = incarnation;
        return false;
    }
}
