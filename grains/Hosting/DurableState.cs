using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>A machine's state in grain storage, as one activation knows it: what it found there, or wrote last.</summary>
internal sealed class DurableState(IPersistentState<StoredMachine> storage, IGrainServices services, GrainAddress address)
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(2);

    private StoredMachine durable = storage.State;
    private string? writer;

    /// <summary>Writes until it is durable, however long storage is away; gives up only where another activation has written.</summary>
    /// <exception cref="GivenUpException">Another activation has written.</exception>
    /// <exception cref="OperationCanceledException">The silo stops while storage is away.</exception>
    public async Task Write(PersistState persist)
    {
        writer ??= Guid.NewGuid().ToString("N");
        var wanted = new StoredMachine
        {
            Json = persist.StateJson,
            Incarnation = persist.Incarnation,
            Sequence = persist.Sequence,
            Writer = writer,
        };
        storage.State = wanted;
        for (var pause = FirstRetry; !await TryWrite(wanted); pause = pause + pause < LongestRetry ? pause + pause : LongestRetry)
            await Task.Delay(pause, services.Stopping);
        durable = wanted;
    }

    private async Task<bool> TryWrite(StoredMachine wanted)
    {
        try
        {
            await storage.WriteStateAsync();
            return true;
        }
        catch (Exception e)
        {
            services.OnStorageAway(address, e);
            return await WasWritten(wanted, e);
        }
    }

    /// <summary>A failed write may be durable all the same, its acknowledgement lost: only what is stored tells.</summary>
    private async Task<bool> WasWritten(StoredMachine wanted, Exception why)
    {
        try
        {
            await storage.ReadStateAsync();
        }
        catch (Exception e)
        {
            services.OnStorageAway(address, e);
            storage.State = wanted;
            return false;
        }

        var stored = storage.State;
        storage.State = wanted;
        if (stored.IsSameWrite(wanted))
            return true;
        if (!stored.IsSameWrite(durable))
            throw new GivenUpException($"{address} was written by another activation", why);
        return false;
    }
}
