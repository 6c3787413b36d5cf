using Coordinator.Machines;

namespace Coordinator.Simulator.Silo;

/// <summary>
/// The planted bug of stale orders: a gpu's grain that lets a job's question of an earlier activation or generation, which was
/// overtaken on its way, go on to the rank after a newer one.
/// </summary>
internal sealed class FencelessGrain(IMachine machine) : IMachine
{
    private PrepareRank? last;

    public GrainAddress Address => machine.Address;

    public TimeSpan? NextDeadline => machine.NextDeadline;

    /// <summary>The shipping machines, behind a broken host where they pass orders on.</summary>
    public static IMachine Create(GrainAddress address, string? stateJson)
    {
        var machine = MachineFactory.Create(address, stateJson);
        return address.Kind == GrainKind.Gpu ? new FencelessGrain(machine) : machine;
    }

    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        machine.Handle(now, message, outputs);
        if (message is not GpuOrdered { Order: PrepareRank order }
            || (last is not null && (order.Incarnation, order.Generation).CompareTo((last.Incarnation, last.Generation)) <= 0))
        {
            return;
        }
        if (last is not null)
            outputs.Send(order.Gpu.Node, new RankOrdered(last));
        last = order;
    }

    public string Describe(TimeSpan now) => machine.Describe(now);
}
