using Coordinator.Worker.Telemetry;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Agent;

/// <summary>A worker process: the silo link, the data plane and the node's ranks, from start to orderly end.</summary>
public static class NodeAgent
{
    /// <summary>
    /// Runs until <paramref name="leave"/> is cancelled and the jobs go on without this worker (or
    /// <see cref="WorkerOptions.LeaveTimeout"/> has passed, or <paramref name="abort"/> is cancelled). When it returns, no thread and no
    /// socket of the worker is left.
    /// </summary>
    /// <exception cref="System.Net.Sockets.SocketException">The data plane's address cannot be listened on.</exception>
    public static async Task RunAsync(WorkerOptions options, WorkerServices services, CancellationToken leave, CancellationToken abort = default)
    {
        await using var plane = new DataPlane(
            new DataPlaneOptions
            {
                Node = options.Node,
                Listen = options.DataListen,
                AdvertisedHost = options.DataHost,
                FrameSent = options.Faults.IsEmpty ? null : options.Faults.FrameSent,
            },
            services.Log);
        SiloLink? link = null;
        await using var ranks = new NodeRanks(options, services, plane, message => link?.Tell(message));
        link = new SiloLink(options, plane.Address, services.Http, services.Log, ranks.Handle, ranks.SiloReached, () => ranks.Positions);
        using var stop = new CancellationTokenSource();
        var linked = Task.Run(() => link.RunAsync(stop.Token), CancellationToken.None);
        var measuring = services.Telemetry is { } telemetry
            ? Task.Run(() => TelemetryLoop.RunAsync(options, telemetry, () => link.IsConnected, link.Tell, services.Log, stop.Token), CancellationToken.None)
            : Task.CompletedTask;

        if (await Task.WhenAny(CancelledAsync(leave, abort), linked).ConfigureAwait(false) == linked)
        {
            // It goes on for ever unless something is broken: that ends the worker, with the reason.
            await linked.ConfigureAwait(false);
        }

        if (!abort.IsCancellationRequested)
            await LeaveAsync(options, services.Log, ranks, abort).ConfigureAwait(false);
        await link.EndAsync("the worker ends").ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await measuring.ConfigureAwait(false);
        await linked.ConfigureAwait(false);
    }

    private static async Task LeaveAsync(WorkerOptions options, IWorkerLog log, NodeRanks ranks, CancellationToken abort)
    {
        log.Info("asked to end: waiting for the jobs to go on without this worker");
        try
        {
            await ranks.LeaveAsync("the worker was asked to end").WaitAsync(options.LeaveTimeout, abort).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            log.Warn($"no job answered within {options.LeaveTimeout.TotalSeconds:0.#} s: ending all the same");
        }
        catch (OperationCanceledException)
        {
            log.Warn("asked again: ending at once");
        }
    }

    private static async Task CancelledAsync(CancellationToken first, CancellationToken second)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(first, second);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = either.Token.Register(cancelled.SetResult);
        await cancelled.Task.ConfigureAwait(false);
    }
}
