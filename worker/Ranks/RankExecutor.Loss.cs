using Coordinator.Machines;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.External;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <content>A device that is lost: by its own word, or since its call does not end.</content>
public sealed partial class RankExecutor
{
    /// <summary>When to look whether the device hangs; null: it does nothing.</summary>
    public TimeSpan? NextLook => lost is null ? watch.NextLook : null;

    /// <summary>
    /// Takes a device whose call has not ended in its time for lost. A program's process is ended, and so is its call; a device that cannot
    /// end its own is left behind with its thread and all that it holds, until the worker's process ends.
    /// </summary>
    public void LookForHang(TimeSpan now)
    {
        if (lost is not null || watch.Hanging(now, device.Activity is not null) is not { } hang)
            return;
        (isHanging, lostKind, lost) = (true, device.HangKind, hang);
        answer(new DeviceFailed(hang, lostKind));
    }

    /// <summary>
    /// Disposes of a device that was lost, and of all numbers on it. Waits for the call under way, which fails if it has not yet; where
    /// that hangs, nobody waits.
    /// </summary>
    public void EndDevice()
    {
        if (deviceEnded)
            return;
        deviceEnded = true;
        AbandonLoad();
        cancelComputing?.Cancel();
        device.Abandon();
        if (isHanging)
            _ = Task.Factory.StartNew(ReleaseDevice, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        else
            ReleaseDevice();
    }

    private void ReleaseDevice()
    {
        deviceThread.Dispose();
        partials.Dispose();
        computed.Clear();
        reduced.Dispose();
        device.Dispose();
    }

    private void Failed(Exception e)
    {
        if (e is DeviceLostException or DataException or ProgramFaultException or ProgramDisagreementException && lost is null)
            (lostKind, lost) = (RankFaultException.KindOf(e), e.Message);
        answer(new DeviceFailed(e is RankFaultException ? e.Message : $"{e.GetType().Name}: {e.Message}", RankFaultException.KindOf(e))
        {
            Disagrees = e is ProgramDisagreementException,
        });
    }

    private void ExecuteWithoutDevice(RankOutput output, string loss)
    {
        switch (output)
        {
            case TellJob tell:
                outlet.Tell(tell.Message);
                break;
            case SendFrame { Source: PayloadSource.None } send:
                outlet.Send(send.Header, OutgoingPayload.None);
                break;
            case ReleasePayload release:
                Release(release.Payload);
                break;
            case CancelComputing or DropSubtree or PublishSubtree or ForgetState or StageContribution:
                break;
            default:
                answer(new DeviceFailed(loss, lostKind));
                break;
        }
    }
}
