using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Brings the final model to its store, one attempt at a time. Reading waits for its turn on the device's thread, and storing does not keep
/// that thread. An attempt that fails is no fault of the rank: the machine asks again until the job has recorded the model.
/// </summary>
/// <param name="options">The rank.</param>
/// <param name="device">Whose parameters they are.</param>
/// <param name="models">The store.</param>
/// <param name="log">Hears of attempts that failed.</param>
/// <param name="onDevice">Runs on the device's thread what touches the state.</param>
/// <param name="ended">The rank has ended, and with it its part in the job.</param>
internal sealed class FinalModel(
    RankHostOptions options, IRankDevice device, IModelSink models, IWorkerLog log, Action<Action> onDevice, CancellationToken ended)
{
    /// <summary>The attempt under way; completed where there is none.</summary>
    public Task Storing { get; private set; } = Task.CompletedTask;

    /// <summary>
    /// Stores the parameters as they are when the device comes to it. Asked again meanwhile, one attempt answers for both.
    /// </summary>
    public void Store(long step)
    {
        if (!Storing.IsCompleted)
            return;
        var read = new TaskCompletionSource<HostFloats>(TaskCreationOptions.RunContinuationsAsynchronously);
        onDevice(() =>
        {
            var parameters = new HostFloats(device.ModelElements);
            parameters.Walk((at, piece) => device.ReadState(at, piece));
            read.SetResult(parameters);
        });
        Storing = Task.Run(() => StoreAsync(step, read.Task));
    }

    private async Task StoreAsync(long step, Task<HostFloats> parameters)
    {
        try
        {
            await models.StoreAsync(
                options.Job, options.Spec, step, device.Model, await parameters.WaitAsync(ended).ConfigureAwait(false), ended)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The rank ended, and with it its part in the job.
        }
        catch (Exception e)
        {
            log.Warn($"{options.Job}: bringing the final model to its store failed, and is tried again: {e.Message}");
        }
    }
}
