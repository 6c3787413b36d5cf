using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// A grain that hosts a machine. A kind of grain adds its operations, each of which is one turn with one message; all else is here: the
/// machine is built from what is stored when the grain is activated, woken when its deadline passes, and given up where a turn cannot be
/// ended.
/// </summary>
/// <param name="kind">What the grain is.</param>
/// <param name="services">The silo.</param>
/// <param name="state">Where the machine's state is stored, under the name of the grain's type; null: it keeps nothing durable.</param>
public abstract class MachineGrain(
    GrainKind kind, IGrainServices services, IPersistentState<StoredMachine>? state = null) : Grain, IMachineGrain
{
    private MachineHost? host;
    private DeadlineTimer? timer;

    /// <summary>When the machine wants to be woken; null: it rests.</summary>
    protected TimeSpan? NextDeadline => host!.NextDeadline;

    /// <summary>The silo.</summary>
    protected IGrainServices Services => services;

    /// <summary>The grain.</summary>
    protected GrainAddress Address => host!.Address;

    /// <summary>Loads the machine. The token ends the caller's waiting for the activation and nothing in it.</summary>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        host = new MachineHost(services, new GrainAddress(kind, this.GetPrimaryKeyString()), state);
        await GrainBoundary.Cross(Address, host.Start());
        SetTimer();
    }

    /// <inheritdoc/>
    public Task<string> Describe() => Task.FromResult(host!.Describe());

    /// <inheritdoc/>
    public virtual Task TakeAll(GrainMessage[] messages) =>
        Array.Find(messages, IsRefused) is { } first ? TakeOthers(messages, first) : Turn(messages);

    /// <summary>One turn of the machine: the messages one after the other. Ends when all of it is durable.</summary>
    protected Task Turn(params ReadOnlySpan<GrainMessage> messages) => End(host!.Turn(messages));

    /// <summary>The machine's deadline has passed: one turn.</summary>
    protected virtual Task PassDeadline() => Turn(new DeadlinePassed());

    /// <summary>Called after every turn of which all is durable.</summary>
    protected virtual Task AfterTurn() => Task.CompletedTask;

    /// <exception cref="ArgumentException">Always: it says why the first message that was refused was so. The others were handled
    /// before.</exception>
    private async Task TakeOthers(GrainMessage[] messages, GrainMessage first)
    {
        await Turn(Array.FindAll(messages, message => !IsRefused(message)));
        throw new ArgumentException(
            (first as UnreadableMessage)?.Why ?? "a grain is loaded, and its deadline passes, only by its host's word");
    }

    private static bool IsRefused(GrainMessage message) => message is UnreadableMessage or Activated or DeadlinePassed;

    /// <summary>Where everything is done at once, as after most heartbeats, this allocates nothing.</summary>
    private async Task End(Task turn)
    {
        try
        {
            await GrainBoundary.Cross(Address, turn);
        }
        catch
        {
            DeactivateOnIdle();
            throw;
        }

        await AfterTurn();
        SetTimer();
    }

    private void SetTimer()
    {
        if (host!.NextDeadline is { } deadline)
            (timer ??= new DeadlineTimer(this, services, PassDeadline)).Set(deadline);
    }
}
