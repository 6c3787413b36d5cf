using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>A message on its way to a grain; without a message it only wakes the grain.</summary>
internal readonly record struct Envelope(GrainAddress To, GrainMessage? Message);
