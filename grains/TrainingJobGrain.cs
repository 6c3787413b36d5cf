using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>
/// Hosts <see cref="Machines.Jobs.TrainingJobMachine"/>. A job that still has something to do is reminded of it once a minute, so that it
/// wakes after all silos have died even if no worker is left to speak to it. Where anybody does, the first word wakes it long before.
/// </summary>
[GrainType(GrainNames.Job)]
public sealed class TrainingJobGrain([PersistentState(GrainNames.Job)] IPersistentState<StoredMachine> state, IGrainServices services)
    : MachineGrain(GrainKind.Job, services, state), ITrainingJobGrain, IRemindable
{
    /// <summary>Orleans' shortest period; a reminder is a safety net and no heartbeat.</summary>
    private static readonly TimeSpan WakePeriod = TimeSpan.FromMinutes(1);

    private bool? reminded;

    /// <inheritdoc/>
    public Task Submit(SubmitJob submit) => Turn(submit);

    /// <inheritdoc/>
    public Task Cancel(CancelJob cancel) => Turn(cancel);

    /// <inheritdoc/>
    public Task OfferGpus(GpusOffered offered) => Turn(offered);

    /// <inheritdoc/>
    public Task ReportLink(NodeLinkReported report) => Turn(report);

    /// <inheritdoc/>
    public Task WithdrawGpu(GpuWithdrawn withdrawn) => Turn(withdrawn);

    /// <inheritdoc/>
    public Task Report(WorkerReported report) => Turn(report);

    /// <inheritdoc/>
    public Task SaveCheckpoint(CheckpointWanted wanted) => Turn(wanted);

    /// <inheritdoc/>
    public Task Extend(ExtendJob wanted) => Turn(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeModel(ModelStored stored) => Turn(stored);

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
