using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Silo;

/// <summary>
/// Hosts one activation of a grain: mailbox, turns, and an outbox that is carried out in order, in which a send waits until every
/// write before it is durable. A failed write ends the activation.
/// </summary>
internal sealed class GrainHost
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(50);

    private readonly SiloProcess silo;
    private readonly VirtualWorld world;
    private readonly IMachine machine;
    private readonly Queue<GrainMessage> mailbox = new();
    private readonly Queue<(Output Output, long WritesBefore)> outbox = new();
    private readonly Outputs outputs = new();
    private long writesAsked;
    private long writesDurable;
    private long transactions;
    private bool writing;
    private bool over;
    private long timer;

    public GrainHost(SiloProcess silo, GrainAddress address, StoredGrain? stored)
    {
        (this.silo, world, Address) = (silo, silo.World, address);
        machine = silo.Machines(address, stored?.StateJson);
        silo.Checkers.Storage.OnActivated(address);
        Turn(new Activated(silo.SiloName) { At = world.TimeOfDay });
    }

    public GrainAddress Address { get; }
    public bool IsWriting => writing;

    public void Tell(GrainMessage message)
    {
        mailbox.Enqueue(message);
        TakeTurns();
    }

    /// <summary>What this activation has not done yet, it never does.</summary>
    public void Discard() => over = true;

    public string Describe() => machine.Describe(silo.Clock);

    private void TakeTurns()
    {
        while (!over && (silo.Scenario.Pipelined || outbox.Count == 0) && mailbox.TryDequeue(out var message))
            Turn(message);
    }

    private void Turn(GrainMessage message)
    {
        outputs.Clear();
        silo.OnTurn();
        machine.Handle(silo.Clock, message, outputs);
        silo.Checkers.Drains.OnTurn(Address, message, outputs.Items);
        foreach (var output in outputs.Items)
        {
            silo.OnDecided?.Invoke(Address, output);
            if (world.Options.Sent is { } sent && output is SendToGrain or SendToWorker)
                sent(output is SendToGrain grain ? grain.Message : ((SendToWorker)output).Message);
            outbox.Enqueue((output, writesAsked));
            if (IsWrite(output))
                writesAsked++;
        }

        if (machine.NextDeadline is { } deadline)
        {
            var mine = ++timer;
            silo.Post(deadline - silo.Clock, () =>
            {
                if (!over && mine == timer)
                    Tell(new DeadlinePassed());
            }, timer: true);
        }
        else
        {
            timer++;
        }

        Pump();
    }

    private void Pump()
    {
        while (!over && outbox.TryPeek(out var next))
        {
            if (IsWrite(next.Output))
            {
                if (writing && world.Options.Plant != PlantedBug.SendBeforePersist)
                    return;
                Write();
                if (world.Options.Plant != PlantedBug.SendBeforePersist)
                    return;
                continue;
            }

            if (writing && world.Options.Plant != PlantedBug.SendBeforePersist)
                return;
            outbox.Dequeue();
            if (next.WritesBefore > writesDurable)
            {
                silo.Checkers.Fail(
                    Invariants.PersistBeforeSend,
                    $"{Address} sends {next.Output} while {next.WritesBefore - writesDurable} writes before it are not durable");
            }
            if (next.Output is SendToGrain { Message: NodeOrders orders })
                silo.Checkers.Orders.OnOrdered(orders);
            if (next.Output is SendToGrain { Message: GpusOffered offer })
                silo.Checkers.Drains.OnOfferLeaves(offer);
            silo.Send(Address, next.Output);
        }
    }

    private void Write()
    {
        var group = new List<Output>();
        while (outbox.TryPeek(out var next) && IsWrite(next.Output) && (group.Count == 0 || silo.Scenario.GroupWrites))
            group.Add(outbox.Dequeue().Output);
        writing = true;
        Write(++transactions, group);
    }

    private void Write(long transaction, IReadOnlyList<Output> group) => silo.Disk.Write(silo, Address, transaction, group, outcome =>
    {
        if (over)
            return;
        if (outcome == WriteOutcome.Unknown)
        {
            // The same transaction again: whether it is durable already, the disk knows.
            silo.Post(RetryDelay, () =>
            {
                if (!over)
                    Write(transaction, group);
            }, timer: true);
            return;
        }

        writing = false;
        if (outcome == WriteOutcome.Refused)
        {
            silo.Reload(this);
            return;
        }

        writesDurable += group.Count;
        Pump();
        TakeTurns();
    });

    private static bool IsWrite(Output output) => output is PersistState or ObserveEvent or ObserveSteps;
}
