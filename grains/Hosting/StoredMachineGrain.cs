using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>A grain that hosts a machine whose state Orleans' grain storage keeps.</summary>
public abstract class StoredMachineGrain(IGrainServices services, GrainKind kind) : Grain<StoredMachine>
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(2);

    private readonly string writer = Guid.NewGuid().ToString("N");
    private MachineHost? host;
    private DeadlineTimer? timer;

    /// <summary>What is stored as far as this activation knows: what it found, or wrote last.</summary>
    private StoredMachine durable = new();

    /// <summary>When the machine wants to be woken; null: it rests.</summary>
    protected TimeSpan? NextDeadline => host!.NextDeadline;

    /// <summary>The silo.</summary>
    protected IGrainServices Services => services;

    /// <summary>The grain.</summary>
    protected GrainAddress Address { get; private set; }

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        Address = new GrainAddress(kind, this.GetPrimaryKeyString());
        durable = State;
        host = new MachineHost(services, Address, Persist);
        timer = new DeadlineTimer(this, services, () => Turn([new DeadlinePassed()]));
        await GrainBoundary.Cross(Address, () => host.Start(State.Json, State.Incarnation), () => { });
        timer.Set(host.NextDeadline);
    }

    /// <inheritdoc cref="IMachineGrain.Describe"/>
    public Task<string> Describe() => Task.FromResult(host!.Describe());

    /// <inheritdoc cref="IMachineGrain.TakeAll"/>
    public Task TakeAll(Mail mail) => mail.Handle(Turn);

    /// <summary>The one message of an operation: one turn.</summary>
    protected Task Take<T>(Mail mail)
        where T : GrainMessage => Turn([mail.Only<T>()]);

    /// <summary>One turn of the machine: the messages one after the other.</summary>
    protected async Task Turn(IReadOnlyList<GrainMessage> messages)
    {
        await GrainBoundary.Cross(Address, () => host!.Turn(messages), DeactivateOnIdle);
        await AfterTurn();
        timer!.Set(host!.NextDeadline);
    }

    /// <summary>Called after every turn of which all is durable.</summary>
    protected virtual Task AfterTurn() => Task.CompletedTask;

    /// <summary>Writes until it is durable, however long storage is away; gives up only where another activation has written.</summary>
    private async Task Persist(PersistState persist)
    {
        var wanted = new StoredMachine { Json = persist.StateJson, Incarnation = persist.Incarnation, Sequence = persist.Sequence, Writer = writer };
        State = wanted;
        for (var pause = FirstRetry; !await TryWrite(wanted); pause = pause + pause < LongestRetry ? pause + pause : LongestRetry)
            await Task.Delay(pause, services.Stopping);
        durable = wanted;
    }

    private async Task<bool> TryWrite(StoredMachine wanted)
    {
        try
        {
            await WriteStateAsync();
            return true;
        }
        catch (Exception e)
        {
            services.OnStorageAway(Address, e);
            return await WasWritten(wanted, e);
        }
    }

    /// <summary>A failed write may be durable all the same, its acknowledgement lost: only what is stored tells.</summary>
    /// <exception cref="GivenUpException">Another activation has written.</exception>
    private async Task<bool> WasWritten(StoredMachine wanted, Exception why)
    {
        try
        {
            await ReadStateAsync();
        }
        catch (Exception e)
        {
            services.OnStorageAway(Address, e);
            State = wanted;
            return false;
        }

        var stored = State;
        State = wanted;
        if (stored.IsSameWrite(wanted))
            return true;
        if (!stored.IsSameWrite(durable))
            throw new GivenUpException($"{Address} was written by another activation", why);
        return false;
    }
}
