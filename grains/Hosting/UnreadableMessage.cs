using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// What stands in a batch for a message that this version cannot read, so that the message costs itself alone. No machine is ever handed
/// one.
/// </summary>
/// <param name="Why">What was found.</param>
internal sealed record UnreadableMessage(string Why) : GrainMessage;
