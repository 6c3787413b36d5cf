using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// Hosts a machine in a grain's activation. One call is one turn: the machine handles its message, or its messages one after the other,
/// and the outputs are carried out in order: what it observed and what it persists is durable before any of its sends leaves. Orleans
/// runs one turn at a time, so the machine needs no lock.
/// <para>
/// Where a turn cannot be ended, the activation is given up and with it the machine, which is ahead of what is durable by then: the next
/// message finds a new activation that reads what is stored. That is how a duplicate activation ends that lost the race for the ETag.
/// Sends leave through an outbox after the turn, and nobody waits for them inside it; so grains that talk to each other cannot lock each
/// other out.
/// </para>
/// </summary>
/// <param name="services">The silo.</param>
/// <param name="address">The grain.</param>
/// <param name="storage">Where its state is stored; null: it keeps nothing durable.</param>
internal sealed class MachineHost(IGrainServices services, GrainAddress address, IPersistentState<StoredMachine>? storage)
{
    private readonly Outputs outputs = new();
    private IMachine? machine;
    private DurableState? state;
    private long incarnation;
    private Exception? givenUp;

    /// <summary>The grain.</summary>
    public GrainAddress Address => address;

    /// <summary>When the machine wants to be woken.</summary>
    public TimeSpan? NextDeadline => machine?.NextDeadline;

    /// <summary>Builds the machine from what is stored, and hands it its first message.</summary>
    public async Task Start()
    {
        incarnation = storage?.State.Incarnation ?? 0;
        machine = MachineFactory.Create(address, storage?.State.Json, services.Machines);
        await Turn(new Activated(services.Silo) { At = services.TimeOfDay });
    }

    /// <summary>The machine as operators see it.</summary>
    public string Describe() => machine!.Describe(services.Now);

    /// <summary>
    /// One turn. The machine has handled the messages when this returns; the task ends when all that it asked for is carried out.
    /// </summary>
    /// <returns>Fails with a <see cref="GivenUpException"/> where the activation is not the grain any more.</returns>
    public Task Turn(params ReadOnlySpan<GrainMessage> messages)
    {
        if (givenUp is not null)
            return Task.FromException(new GivenUpException($"this activation of {address} was given up: {givenUp.Message}", givenUp));
        outputs.Clear();
        try
        {
            foreach (var message in messages)
                machine!.Handle(services.Now, message, outputs);
        }
        catch (Exception broken)
        {
            GiveUp(broken);
            return Task.FromException(broken);
        }

        return outputs.Items.Count == 0 ? Task.CompletedTask : CarryOut();
    }

    private async Task CarryOut()
    {
        try
        {
            await Store();
        }
        catch (Exception e)
        {
            GiveUp(e);
            throw;
        }

        for (var i = 0; i < outputs.Items.Count; i++)
        {
            if (outputs.Items[i] is SendToWorker worker)
                services.Send(worker.Node, worker.Message);
            else if (outputs.Items[i] is SendToGrain grain)
                services.Send(grain.To, grain.Message);
        }
    }

    /// <summary>
    /// Observations come first: a state that says "finished" must not outlive its silo while the step records do not. All writes of the
    /// turn come before any of its sends: later than asked is never too early for a persist.
    /// </summary>
    private async Task Store()
    {
        PersistState? last = null;
        List<Output>? observations = null;
        for (var i = 0; i < outputs.Items.Count; i++)
        {
            if (outputs.Items[i] is PersistState persist)
                last = persist;
            else if (outputs.Items[i] is ObserveEvent or ObserveSteps)
                (observations ??= []).Add(outputs.Items[i]);
        }

        var observed = observations is null ? null : services.Store(address, last?.Incarnation ?? incarnation, observations);
        if (last is null || !services.StoresInOrder)
            await RefuseIfLater(observed);
        if (last is null)
            return;
        state ??= new DurableState(storage ?? throw new NotSupportedException($"{address} keeps nothing durable"), services, address);
        var persisted = state.Write(last);
        await RefuseIfLater(observed);
        await persisted;
        incarnation = last.Incarnation;
    }

    /// <exception cref="GivenUpException">What the turn observed was refused.</exception>
    private async Task RefuseIfLater(Task<bool>? observed)
    {
        if (observed is not null && !await observed)
            throw new GivenUpException($"a later activation of {address} has stored observations");
    }

    /// <summary>Nothing that the machine says may leave any more.</summary>
    private void GiveUp(Exception why)
    {
        givenUp = why;
        services.OnGivenUp(address, why);
    }
}
