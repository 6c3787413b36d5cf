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
/// <param name="persist">Makes a state durable, or throws.</param>
internal sealed class MachineHost(IGrainServices services, GrainAddress address, Func<PersistState, Task> persist)
{
    private readonly Outputs outputs = new();
    private IMachine? machine;
    private long incarnation;
    private Exception? givenUp;

    /// <summary>When the machine wants to be woken.</summary>
    public TimeSpan? NextDeadline => machine?.NextDeadline;

    /// <summary>Builds the machine from what is stored, and hands it its first message.</summary>
    public Task Start(string? stateJson, long storedIncarnation)
    {
        incarnation = storedIncarnation;
        machine = MachineFactory.Create(address, stateJson, services.Machines);
        return Turn([new Activated(services.Silo)]);
    }

    /// <summary>The machine as operators see it.</summary>
    public string Describe() => machine!.Describe(services.Now);

    /// <summary>One turn.</summary>
    /// <exception cref="GivenUpException">The activation is not the grain any more.</exception>
    public async Task Turn(IReadOnlyList<GrainMessage> messages)
    {
        if (givenUp is not null)
            throw new GivenUpException($"this activation of {address} was given up: {givenUp.Message}", givenUp);
        try
        {
            outputs.Clear();
            foreach (var message in messages)
                machine!.Handle(services.Now, message, outputs);
            await CarryOut();
        }
        catch (Exception e)
        {
            // Nothing that the machine says may leave any more.
            givenUp = e;
            services.OnGivenUp(address, e);
            throw;
        }
    }

    private async Task CarryOut()
    {
        var state = outputs.Items.OfType<PersistState>().LastOrDefault();
        var observations = outputs.Items.Where(output => output is ObserveEvent or ObserveSteps).ToArray();

        // Observations come first: a state that says "finished" must not outlive its silo while the step records do not. All writes of the
        // turn come before any of its sends: later than asked is never too early for a persist.
        var observed = observations.Length > 0 ? services.Store(address, state?.Incarnation ?? incarnation, observations) : Task.FromResult(true);
        if (state is null || !services.StoresInOrder)
            await RefuseIfLater(observed);
        if (state is not null)
        {
            var persisted = persist(state);
            await RefuseIfLater(observed);
            await persisted;
            incarnation = state.Incarnation;
        }

        foreach (var output in outputs.Items)
        {
            if (output is SendToWorker worker)
                services.Send(worker.Node, worker.Message);
            else if (output is SendToGrain grain)
                services.Send(grain.To, grain.Message);
        }
    }

    /// <exception cref="GivenUpException">What the turn observed was refused.</exception>
    private async Task RefuseIfLater(Task<bool> observed)
    {
        if (!await observed)
            throw new GivenUpException($"a later activation of {address} has stored observations");
    }
}
