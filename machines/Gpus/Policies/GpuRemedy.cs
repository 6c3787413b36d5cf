using System.Text.Json.Serialization;

namespace Coordinator.Machines.Gpus.Policies;

/// <summary>What is to be done about an error of a gpu, from the mildest on. Written in words with dashes in policy files.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GpuRemedy>))]
public enum GpuRemedy
{
    /// <summary>Nothing: it says nothing about the hardware, or follows another error.</summary>
    None,

    /// <summary>It is written down.</summary>
    Log,

    /// <summary>The program begins again; the gpu stays.</summary>
    RestartProgram,

    /// <summary>Its job goes on without it in an orderly way; then an operator resets the gpu.</summary>
    DrainAndReset,

    /// <summary>Its job goes on without it; then an operator boots the node.</summary>
    RebootNode,

    /// <summary>Its job goes on without it, and an operator must look: nobody knows what would help.</summary>
    Quarantine,
}

/// <summary>A decision about a gpu, and why.</summary>
/// <param name="Remedy">What is to be done.</param>
/// <param name="Reason">One line for people.</param>
public sealed record GpuVerdict(GpuRemedy Remedy, string Reason)
{
    /// <summary>Whether the gpu may be given no more work.</summary>
    public bool TakesOut => Remedy >= GpuRemedy.DrainAndReset;
}
