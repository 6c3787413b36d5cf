using Coordinator.Machines;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>Where a rank's messages and frames go. Called from the rank's loop and its device thread.</summary>
public interface IRankOutlet
{
    /// <summary>
    /// Says something to the silo, over the connection that stands now; without one it is dropped, and the rank repeats it later.
    /// </summary>
    void Tell(WorkerMessage message);

    /// <summary>Sends a frame; the payload's reference passes on.</summary>
    void Send(in FrameHeader header, in OutgoingPayload payload);
}
