namespace Coordinator.Machines;

/// <summary>
/// A grain's behaviour without its input and output: one synchronous entry, no clock, threads, I/O or randomness.
/// An engine (Orleans, the simulator, a bench) loads it, hands it one message at a time and carries out what it asks for.
/// <para>
/// Rules for engines. The first message after loading is <see cref="Activated"/>. Outputs are carried out in order;
/// a <see cref="PersistState"/> is durable before any later send leaves. Messages between grains may be lost, repeated
/// and reordered. If persisting fails, the machine is discarded and loaded again from storage.
/// </para>
/// </summary>
public interface IMachine
{
    /// <summary>The grain that this machine is.</summary>
    GrainAddress Address { get; }

    /// <summary>When the engine is to hand in <see cref="DeadlinePassed"/> unless something else comes first; null: never.</summary>
    TimeSpan? NextDeadline { get; }

    /// <summary>Takes one message and appends what is to be done to <paramref name="outputs"/>.</summary>
    /// <param name="now">Monotonic time of this process; comparable only with other values of the same process.</param>
    /// <param name="message">What happened. A message of a kind that this grain does not know is ignored.</param>
    /// <param name="outputs">Receives the outputs, in the order in which they must be carried out.</param>
    void Handle(TimeSpan now, GrainMessage message, Outputs outputs);

    /// <summary>The grain as operators see it: a view record of <see cref="MachinesJson"/>, as JSON. Changes nothing.</summary>
    string Describe(TimeSpan now);
}
