using Coordinator.Machines;

namespace Coordinator.Simulator.Silo;

/// <summary>
/// The planted bug of work that is done twice: a job that assigns the interrupted step's shards with no regard for who has computed them.
/// </summary>
internal sealed class ReassigningGrain(IMachine machine, int shards) : IMachine
{
    public GrainAddress Address => machine.Address;

    public TimeSpan? NextDeadline => machine.NextDeadline;

    /// <summary>The shipping machines, and before the job's a host that changes what it assigns.</summary>
    public static IMachine Create(GrainAddress address, string? stateJson, int shards)
    {
        var machine = MachineFactory.Create(address, stateJson);
        return address.Kind == GrainKind.Job ? new ReassigningGrain(machine, shards) : machine;
    }

    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        var mine = new Outputs();
        machine.Handle(now, message, mine);
        foreach (var output in mine.Items)
        {
            outputs.Add(output is SendToGrain { Message: NodeOrders { Assignment: { } assignment } orders } send
                ? send with { Message = orders with { Assignment = Reassign(assignment) } }
                : output);
        }
    }

    public string Describe(TimeSpan now) => machine.Describe(now);

    /// <summary>Each rank's shards to the next one that has any.</summary>
    private ShardsAssigned Reassign(ShardsAssigned assignment)
    {
        var runs = ShardAssignment.Unfold(assignment, shards);
        var ranks = runs.Select(run => run.Rank).Distinct().Order().ToList();
        return assignment with
        {
            Base = null,
            Runs = [.. runs.Select(run => run with { Rank = ranks[(ranks.IndexOf(run.Rank) + 1) % ranks.Count] })],
        };
    }
}
