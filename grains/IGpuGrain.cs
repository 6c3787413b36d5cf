namespace Coordinator.Grains;

/// <summary>An accelerator, under its gpu id.</summary>
public interface IGpuGrain : IGrainWithStringKey
{
    /// <summary>Hands the grain's machine one message. May be repeated: machines drop what they have seen.</summary>
    /// <param name="envelopeJson">The message as the project's own JSON; Orleans sees a string and needs no serializer of ours.</param>
    Task Deliver(string envelopeJson);

    /// <summary>The grain as operators see it, as JSON; null where there is nothing to describe.</summary>
    Task<string?> Describe();
}
