using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// Whose fault it is that a rank cannot go on, as far as its worker can tell. What it cannot tell, the job's policy finds out by trying
/// elsewhere.
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<FaultKind>))]
public enum FaultKind
{
    /// <summary>
    /// The worker cannot tell: out of memory, say, may be the job's size or another program on the device. The initial value, and what
    /// older workers say.
    /// </summary>
    Unknown,

    /// <summary>The device was lost, or computes wrongly. It is suspected only where another one can do the same work.</summary>
    Device,

    /// <summary>
    /// The job asks for what no device of its class can do, or its data are missing or damaged: trying again gains nothing.
    /// </summary>
    Job,

    /// <summary>
    /// The worker cannot take the rank now, since it is ending or its device is of another class: nothing is said of job or device.
    /// </summary>
    Worker,

    /// <summary>
    /// The process that computes for the rank died, hung, broke its protocol or failed in its own code: nothing is said of any device.
    /// Where it fails alike everywhere the job is to blame.
    /// </summary>
    Program,
}
