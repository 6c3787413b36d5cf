using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>
/// Hosts <see cref="Machines.Jobs.TrainingJobMachine"/>. A job that still has something to do is reminded of it once a minute, so that it
/// wakes after all silos have died even if no worker is left to speak to it. Where anybody does, the first word wakes it long before.
/// </summary>
[GrainType(GrainNames.Job)]
public sealed class TrainingJobGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Job), ITrainingJobGrain, IRemindable
{
    /// <summary>Orleans' shortest period; a reminder is a safety net and no heartbeat.</summary>
    private static readonly TimeSpan WakePeriod = TimeSpan.FromMinutes(1);

    private bool? reminded;

    /// <inheritdoc/>
    public Task Submit(Mail submit) => Take<SubmitJob>(submit);

    /// <inheritdoc/>
    public Task Cancel(Mail cancel) => Take<CancelJob>(cancel);

    /// <inheritdoc/>
    public Task OfferGpus(Mail offered) => Take<GpusOffered>(offered);

    /// <inheritdoc/>
    public Task ReportLink(Mail report) => Take<NodeLinkReported>(report);

    /// <inheritdoc/>
    public Task WithdrawGpu(Mail withdrawn) => Take<GpuWithdrawn>(withdrawn);

    /// <inheritdoc/>
    public Task Report(Mail report) => Take<WorkerReported>(report);

    /// <inheritdoc/>
    public Task SaveCheckpoint(Mail wanted) => Take<CheckpointWanted>(wanted);

    /// <inheritdoc/>
    public Task Extend(Mail wanted) => Take<ExtendJob>(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeModel(Mail stored) => Take<ModelStored>(stored);

    /// <inheritdoc/>
    public Task ReceiveReminder(string reminderName, TickStatus status)
    {
        reminded = true;
        return Turn([new DeadlinePassed()]);
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
