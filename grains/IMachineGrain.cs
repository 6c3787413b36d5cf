using Coordinator.Machines;
using Orleans.Concurrency;

namespace Coordinator.Grains;

/// <summary>
/// What all kinds of grain can be asked. Messages are the records of <c>machines/Messages</c>: by reference within a silo, between
/// silos in the project's own JSON (<see cref="Wire.MessageCodec{T}"/>), so that versions are ours to tell apart. Any of them may be lost,
/// repeated and overtaken: machines drop what they have seen, and senders repeat. One that this version cannot read is refused with an
/// <see cref="ArgumentException"/> that says why. No operation takes a cancellation token: a caller may stop to wait, and the turn ends all
/// the same.
/// </summary>
[GrainInterfaceType(GrainNames.MachineInterface)]
[Alias(GrainNames.MachineInterface)]
public interface IMachineGrain : IGrainWithStringKey
{
    /// <summary>
    /// The grain as operators see it: one of the view records, as JSON, or <c>null</c> for a job that does not exist. Changes nothing, and
    /// waits for no turn to end: while storage is away turns last until it is back, and that is when operators look. So a view may be ahead
    /// of what is stored.
    /// </summary>
    [AlwaysInterleave]
    [Alias("Describe")]
    Task<string> Describe();

    /// <summary>
    /// Messages that waited for the grain, in one call: they are handled in order in one turn, which makes what they change durable once.
    /// So a grain that thousands report to keeps up with them. What cannot be read is refused after the rest has been handled.
    /// </summary>
    [Alias("TakeAll")]
    Task TakeAll([Immutable] GrainMessage[] messages);
}
