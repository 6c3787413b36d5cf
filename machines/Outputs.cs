namespace Coordinator.Machines;

/// <summary>Something that a machine asks its engine to do.</summary>
public abstract record Output;

/// <summary>Make <paramref name="StateJson"/> the grain's durable state before any later output of the grain is carried out.</summary>
/// <param name="StateJson">The whole state; opaque to engines.</param>
/// <param name="Incarnation">Activation that writes.</param>
/// <param name="Sequence">Counts the writes of that activation from 1; with the incarnation it tells one's own write from
/// another's.</param>
public sealed record PersistState(string StateJson, long Incarnation, long Sequence) : Output;

/// <summary>Send to another grain. May be lost, repeated and reordered on the way.</summary>
public sealed record SendToGrain(GrainAddress To, GrainMessage Message) : Output;

/// <summary>Send to the worker of a node, over the connection that it has now; dropped if it has none.</summary>
public sealed record SendToWorker(NodeId Node, CoordinatorMessage Message) : Output;

/// <summary>Store an event for the views; durable before any later send of the grain leaves.</summary>
public sealed record ObserveEvent(CoordinatorEvent Event) : Output;

/// <summary>
/// Store what was learnt about applied steps; durable before any later send of the grain leaves. Known steps are stored once.
/// </summary>
public sealed record ObserveSteps(JobId Job, int Timeline, IReadOnlyList<StepRecord> Steps) : Output;

/// <summary>The outputs of one turn, in order.</summary>
public sealed class Outputs
{
    private readonly List<Output> items = [];

    /// <summary>What was asked for so far.</summary>
    public IReadOnlyList<Output> Items => items;

    /// <summary>Appends any output.</summary>
    public void Add(Output output) => items.Add(output);

    /// <summary>Appends a send to a grain.</summary>
    public void Send(GrainAddress to, GrainMessage message) => items.Add(new SendToGrain(to, message));

    /// <summary>Appends a send to a node's worker.</summary>
    public void Send(NodeId node, CoordinatorMessage message) => items.Add(new SendToWorker(node, message));

    /// <summary>Appends an event.</summary>
    public void Observe(CoordinatorEvent observed) => items.Add(new ObserveEvent(observed));

    /// <summary>Empties the list for the next turn.</summary>
    public void Clear() => items.Clear();
}
