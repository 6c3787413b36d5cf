using System.Text.Json;
using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// A grain that hosts a machine. One call is one turn: the machine handles the message, its outputs are carried out in order, and what
/// it persists is durable before any later send leaves. Orleans runs one turn at a time, so the machine needs no lock.
/// <para>
/// If storage refuses or fails, the activation is given up and with it the machine: the next message finds a new one that reads what
/// is stored. That is how a duplicate activation ends that lost the race for the ETag. Sends to other grains leave after the turn and
/// nobody waits for them inside it, so grains that talk to each other cannot lock each other out.
/// </para>
/// </summary>
public abstract class MachineGrain(IGrainServices services) : Grain<StoredMachine>
{
    private readonly Outputs outputs = new();
    private IMachine? machine;
    private IGrainTimer? timer;

    /// <summary>Which kind of grain this is.</summary>
    protected abstract GrainKind Kind { get; }

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        machine = MachineFactory.Create(new GrainAddress(Kind, this.GetPrimaryKeyString()), State.Json);
        await Turn(new Activated(services.Silo));
    }

    /// <inheritdoc cref="IMachineGrain.Deliver"/>
    public Task Deliver(string message)
    {
        try
        {
            return Turn(JsonSerializer.Deserialize(message, MachinesJson.Default.GrainMessage) ?? throw new JsonException("the message is null"));
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"{Kind} {this.GetPrimaryKeyString()} cannot read a message: {e.Message}", nameof(message), e);
        }
    }

    /// <inheritdoc cref="IMachineGrain.Describe"/>
    public Task<string> Describe() => Task.FromResult(machine!.Describe(services.Now));

    private async Task Turn(GrainMessage message)
    {
        outputs.Clear();
        machine!.Handle(services.Now, message, outputs);
        var sends = new List<SendToGrain>();
        try
        {
            await CarryOut(sends);
        }
        catch
        {
            // The machine is ahead of its storage now, so nothing that it says may leave.
            DeactivateOnIdle();
            throw;
        }

        foreach (var send in sends)
            _ = Deliver(send);
        SetTimer();
    }

    private async Task CarryOut(List<SendToGrain> sends)
    {
        var observations = outputs.Items.Where(output => output is ObserveEvent or ObserveSteps).ToArray();
        if (observations.Length > 0)
            await services.Store(observations);

        // All writes of the turn come before any of its sends: later than asked is never too early for a persist.
        if (outputs.Items.OfType<PersistState>().LastOrDefault() is { } persist)
        {
            (State.Json, State.Incarnation, State.Sequence) = (persist.StateJson, persist.Incarnation, persist.Sequence);
            await WriteStateAsync();
        }

        foreach (var output in outputs.Items)
        {
            if (output is SendToWorker worker)
                services.Send(worker.Node, worker.Message);
            else if (output is SendToGrain grain)
                sends.Add(grain);
        }
    }

    private async Task Deliver(SendToGrain send)
    {
        try
        {
            await GrainOf(send.To).Deliver(JsonSerializer.Serialize(send.Message, MachinesJson.Default.GrainMessage));
        }
        catch (Exception e)
        {
            // Messages between grains may be lost; whoever needs the effect repeats the message.
            services.OnLost(send.To, e);
        }
    }

    private IMachineGrain GrainOf(GrainAddress to) => to.Kind switch
    {
        GrainKind.Cluster => GrainFactory.GetGrain<IClusterGrain>(to.Key),
        GrainKind.Node => GrainFactory.GetGrain<INodeGrain>(to.Key),
        GrainKind.Gpu => GrainFactory.GetGrain<IGpuGrain>(to.Key),
        _ => GrainFactory.GetGrain<ITrainingJobGrain>(to.Key),
    };

    private void SetTimer()
    {
        timer?.Dispose();
        timer = null;
        if (machine!.NextDeadline is not { } deadline)
            return;
        var due = deadline - services.Now;

        // Keeping the activation alive: a machine with a deadline has something to do.
        timer = this.RegisterGrainTimer(
            _ => Turn(new DeadlinePassed()),
            new GrainTimerCreationOptions(due > TimeSpan.Zero ? due : TimeSpan.Zero, Timeout.InfiniteTimeSpan) { KeepAlive = true });
    }
}
