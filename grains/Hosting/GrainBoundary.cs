using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// What leaves a grain as an exception. A caller on another silo gets it through Orleans' serializer, which knows the framework's
/// exceptions and not those of a database driver or ours; so what happened leaves as text. It is no call filter: those see calls, reminders
/// and timers, but no activation, and with one in a silo every call of every grain pays for it, heartbeats included.
/// </summary>
internal static class GrainBoundary
{
    /// <summary>Waits for a turn; where it fails, tells the caller in a form that travels.</summary>
    /// <exception cref="InvalidOperationException">The turn failed; the message says why.</exception>
    public static async Task Cross(GrainAddress grain, Task turn)
    {
        try
        {
            await turn;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{grain} gave up this activation: {e.GetType().Name}: {e.Message}");
        }
    }
}
