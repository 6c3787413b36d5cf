using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>Outputs of several turns, in order, that wait for one commit: what is to be stored, and the sends behind it.</summary>
internal sealed class WaitingOutputs(long number)
{
    private readonly List<(Slot Slot, Output Output, DateTimeOffset Time)> items = [];
    private int durable;

    /// <summary>Number of the batch.</summary>
    public long Number { get; } = number;

    /// <summary>Outputs waiting.</summary>
    public int Count => items.Count;

    /// <summary>Whether anything is to be stored; if not, the sends wait only for the batches before.</summary>
    public bool NeedsCommit => durable > 0;

    /// <summary>Appends an output of a grain's turn.</summary>
    public void Add(Slot slot, Output output, DateTimeOffset time)
    {
        items.Add((slot, output, time));
        slot.LastBatch = Number;
        if (IsDurable(output))
            durable++;
    }

    /// <summary>Takes back everything that a discarded machine asked for.</summary>
    public void Remove(Slot slot)
    {
        foreach (var (_, output, _) in items.Where(item => item.Slot == slot))
            (output as TurnEnd)?.Tell(false);
        items.RemoveAll(item => item.Slot == slot);
        durable = items.Count(item => IsDurable(item.Output));
    }

    /// <summary>What is to be stored.</summary>
    public CommitBatch ToBatch()
    {
        var states = new Dictionary<Slot, PersistState>();
        var events = new List<EventWrite>();
        var steps = new List<ObserveSteps>();
        foreach (var (slot, output, time) in items)
        {
            switch (output)
            {
                case PersistState state:
                    states[slot] = state;
                    break;
                case ObserveEvent observed:
                    events.Add(new EventWrite(time, observed.Event));
                    break;
                case ObserveSteps observed:
                    steps.Add(observed);
                    break;
            }
        }

        return new CommitBatch(Number, [.. states.Select(state => new StateWrite(state.Key.Address, state.Value))], events, steps);
    }

    /// <summary>The outputs, in order.</summary>
    public IEnumerable<Output> Outputs => items.Select(item => item.Output);

    /// <summary>Whether an output has to be stored before later sends of its grain leave.</summary>
    public static bool IsDurable(Output output) => output is PersistState or ObserveEvent or ObserveSteps;
}
