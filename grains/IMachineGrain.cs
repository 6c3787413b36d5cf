namespace Coordinator.Grains;

/// <summary>
/// What all four kinds of grain can be asked. Messages are the records of <c>machines/Messages</c> in the project's own JSON: Orleans
/// carries text and needs no serializer of ours, and versions are ours to tell apart. Any of them may be lost, repeated and overtaken:
/// machines drop what they have seen, and senders repeat. A text that this version cannot read is refused with an
/// <see cref="ArgumentException"/> that says why.
/// </summary>
public interface IMachineGrain : IGrainWithStringKey
{
    /// <summary>The grain as operators see it: one of the view records, as JSON, or <c>null</c> for a job that does not exist. Changes nothing.</summary>
    Task<string> Describe();
}
