using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>
/// An engine under test, with the real machines, with time that stands still until a transcript moves it, and with the transcript in the
/// place of workers, gateway and API. Storage is a <see cref="TranscriptStorage"/>.
/// </summary>
public interface IConformanceEngine : IAsyncDisposable
{
    /// <summary>Where states, events and steps are kept; it outlives <see cref="KillAsync"/>.</summary>
    TranscriptStorage Storage { get; }

    /// <summary>What the grains sent to workers so far, in order.</summary>
    IReadOnlyList<Told> Told { get; }

    /// <summary>Hands in a message from outside.</summary>
    Task PostAsync(GrainAddress to, GrainMessage message);

    /// <summary>Ends when nothing is left to do until a message comes, time passes, or storage changes.</summary>
    Task SettleAsync();

    /// <summary>Moves time, and lets the deadlines pass that fall into it.</summary>
    Task AdvanceAsync(TimeSpan time);

    /// <summary>The process dies, without a word, and another one begins on the same storage.</summary>
    Task KillAsync();

    /// <summary>Messages between grains are lost, repeated and reordered from now on, each with that probability.</summary>
    void Disturb(ulong seed, double probability);

    /// <summary>A grain's view.</summary>
    Task<string?> DescribeAsync(GrainAddress grain);
}

/// <summary>A message to a worker.</summary>
public sealed record Told(NodeId Node, CoordinatorMessage Message);
