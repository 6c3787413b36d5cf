using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>
/// A grain that is reminded once a minute while it still has something to do, so that it wakes after all silos have died even if no worker
/// is left to speak to it. Where anybody does, the first word wakes it long before.
/// </summary>
/// <param name="kind">What the grain is.</param>
/// <param name="services">The silo.</param>
/// <param name="state">Where the machine's state is stored.</param>
public abstract class RemindedGrain(
    GrainKind kind, IGrainServices services, IPersistentState<StoredMachine> state) : MachineGrain(kind, services, state), IRemindable
{
    /// <summary>Orleans' shortest period; a reminder is a safety net and no heartbeat.</summary>
    private static readonly TimeSpan WakePeriod = TimeSpan.FromMinutes(1);

    private bool? reminded;

    /// <inheritdoc/>
    public Task ReceiveReminder(string reminderName, TickStatus status)
    {
        reminded = true;
        return Turn(new DeadlinePassed());
    }

    /// <inheritdoc/>
    protected override async Task AfterTurn()
    {
        var wanted = NextDeadline is not null;
        if (reminded == wanted)
            return;
        try
        {
            if (wanted)
                await this.RegisterOrUpdateReminder(GrainNames.WakeReminder, WakePeriod, WakePeriod);
            else if (await this.GetReminder(GrainNames.WakeReminder) is { } reminder)
                await this.UnregisterReminder(reminder);
            reminded = wanted;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The next turn tries again; the job works without.
            Services.OnStorageAway(Address, e);
        }
    }
}
