using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>A message on its way to a grain; without a message it only wakes the grain.</summary>
/// <param name="To">The grain.</param>
/// <param name="Message">The message.</param>
/// <param name="Ended">Whoever waits for the turn that handles it; null: nobody.</param>
internal readonly record struct Envelope(GrainAddress To, GrainMessage? Message, TurnEnd? Ended = null);
