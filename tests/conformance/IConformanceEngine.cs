using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>
/// An engine as a transcript sees it: one process at a time over storage that outlives it, and a clock that stands still until it is moved.
/// <para>
/// Settled means: no message is on its way, no turn runs, and no write is under way that storage is free to end. What waits for held
/// storage, and what waits for time to pass, is not waited for. Calls come one after another.
/// </para>
/// </summary>
public interface IConformanceEngine : IAsyncDisposable
{
    /// <summary>Hands in a message from outside; those to one grain keep their order. Need not wait for the turn.</summary>
    Task PostAsync(GrainAddress to, GrainMessage message);

    /// <summary>Ends when the engine has settled.</summary>
    Task SettleAsync();

    /// <summary>
    /// Moves the clock to the next moment at which the engine has something to do, at most by <paramref name="atMost"/>, and settles.
    /// </summary>
    /// <returns>By how much the clock moved: less than asked for when something fell due earlier.</returns>
    Task<TimeSpan> AdvanceAsync(TimeSpan atMost);

    /// <summary>
    /// The process dies, and a new one starts over the same storage: a write that was not durable never happens, and nothing else is left
    /// of the old one.
    /// </summary>
    Task KillAsync();

    /// <summary>How storage answers from now on.</summary>
    Task SetStorageAsync(StorageMode mode);

    /// <summary>How the next write ends.</summary>
    Task FailNextWriteAsync(WriteFault fault);

    /// <summary>Somebody else makes a grain's state durable, past this engine: its own later write must lose.</summary>
    Task WriteAsAnotherAsync(GrainAddress grain, PersistState state);

    /// <summary>The grain's durable state, or null.</summary>
    Task<PersistState?> ReadStateAsync(GrainAddress grain);

    /// <summary>All durable events, in the order in which they were stored.</summary>
    Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync();

    /// <summary>All durable steps of a job, in the order in which they were stored.</summary>
    Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job);

    /// <summary>The grain's view as JSON; null where there is none.</summary>
    Task<string?> DescribeAsync(GrainAddress grain);

    /// <summary>What left for workers since the last call, those for one node in order. Not asked while the engine works.</summary>
    IReadOnlyList<SendToWorker> TakeSent();
}

/// <summary>How storage answers.</summary>
public enum StorageMode
{
    /// <summary>At once.</summary>
    Well,

    /// <summary>Writes take no end until it is well again.</summary>
    Held,

    /// <summary>Every write fails until it is well again; the engine tries again.</summary>
    Away,
}

/// <summary>How one write ends.</summary>
public enum WriteFault
{
    /// <summary>It fails and nothing is durable.</summary>
    Fails,

    /// <summary>It is durable and reported as failed.</summary>
    AcknowledgementLost,
}

/// <summary>What an adapter has to know before its engine starts.</summary>
public sealed record EngineSetup
{
    /// <summary>A hostile delivery of messages between grains; null: each arrives once and in order.</summary>
    public Hostility? Hostility { get; init; }
}

/// <summary>
/// Losses, repetitions and reorderings between grains, by seed. Messages from outside and to workers have order and are left alone.
/// </summary>
/// <param name="Seed">Root of the choices.</param>
/// <param name="Loss">Probability that a message is lost.</param>
/// <param name="Repeat">Probability that it arrives twice.</param>
/// <param name="Reorder">Probability that later ones overtake it.</param>
public sealed record Hostility(ulong Seed, double Loss, double Repeat, double Reorder);
