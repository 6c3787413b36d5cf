using Coordinator.Machines;
using Coordinator.Worker.Gangs;
using Coordinator.Worker.Telemetry;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Agent;

/// <summary>A worker process: the silo link, the data plane and the node's ranks, from start to orderly end.</summary>
public static class NodeAgent
{
    /// <summary>
    /// Runs until <paramref name="leave"/> is cancelled and the jobs go on without this worker (or
    /// <see cref="WorkerOptions.LeaveTimeout"/> has passed, or <paramref name="abort"/> is cancelled), or what it holds is saved. When it
    /// returns, no thread and no socket of the worker is left.
    /// </summary>
    /// <exception cref="WorkerEndedException">No silo takes the worker, and none will.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The data plane's address cannot be listened on.</exception>
    public static async Task RunAsync(
        WorkerOptions options, WorkerServices services, CancellationToken leave, CancellationToken abort = default)
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
        if (await plane.AddressProblemAsync(abort).ConfigureAwait(false) is { } problem)
        {
            throw new WorkerEndedException(
                $"Peers cannot reach this worker at {plane.Address}: {problem}.",
                "Say where they can: --data-address where it listens, and --data-host where they are to dial another host.");
        }
        SiloLink? link = null;
        await using var ranks = new NodeRanks(options, services, plane, message => link?.Tell(message));
        using var gangs = services.Gangs is { } programs ? new NodeGangs(
            options, programs, services.Log, message => link?.Tell(message)) : null;
        link = new SiloLink(
            options,
            plane.Address,
            services.Http,
            services.Log,
            message => Hear(message, gangs, ranks),
            ranks.SiloReached,
            () => ranks.Positions);
        using var stop = new CancellationTokenSource();
        var linked = Task.Run(() => link.RunAsync(stop.Token), CancellationToken.None);
        var measuring = services.Telemetry is { } telemetry
            ? Task.Run(
                () => TelemetryLoop.RunAsync(options, telemetry, () => link.IsConnected, link.Tell, services.Log, stop.Token),
                CancellationToken.None)
            : Task.CompletedTask;

        if (await Task.WhenAny(CancelledAsync(leave, abort), linked).ConfigureAwait(false) == linked)
        {
            // It goes on for ever unless something is broken, or no silo will ever take the worker: that ends it, with the reason.
            await stop.CancelAsync().ConfigureAwait(false);
            await measuring.ConfigureAwait(false);
            await linked.ConfigureAwait(false);
        }

        if (!abort.IsCancellationRequested)
            await LeaveAsync(options, services, ranks, gangs, abort).ConfigureAwait(false);
        await link.EndAsync("the worker ends").ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await measuring.ConfigureAwait(false);
        await linked.ConfigureAwait(false);
    }

    /// <summary>
    /// Others take the state, which costs nothing; or else it is saved, and the worker is a member to the end of that; or else, where
    /// neither is possible, it is dropped.
    /// </summary>
    private static async Task LeaveAsync(
        WorkerOptions options, WorkerServices services, NodeRanks ranks, NodeGangs? gangs, CancellationToken abort)
    {
        services.Log.Info("asked to end: waiting for the jobs to go on without this worker");
        var left = ranks.LeaveAsync("the worker was asked to end");
        try
        {
            // Programs have a grace of their own, which their job has set.
            if (gangs is not null)
                await gangs.LeaveAsync("its worker was asked to end").WaitAsync(abort).ConfigureAwait(false);
            if (services is { SaveState: not null, Checkpoints: not null }
                && !await EndsAsync(left, Least(options.SaveAfter, options.LeaveTimeout), abort).ConfigureAwait(false))
            {
                var saving = SaveAsync(services, ranks.Held, services.SaveState);
                if (await Task.WhenAny(left, saving).WaitAsync(abort).ConfigureAwait(false) == left || await saving.ConfigureAwait(false))
                    return;
            }

            await left.WaitAsync(options.LeaveTimeout, abort).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            services.Log.Warn($"no job answered within {options.LeaveTimeout.TotalSeconds:0.#} s: ending all the same");
        }
        catch (OperationCanceledException)
        {
            services.Log.Warn("asked again: ending at once");
        }
    }

    private static void Hear(CoordinatorMessage message, NodeGangs? gangs, NodeRanks ranks)
    {
        if (gangs?.Handle(message) is not true)
            ranks.Handle(message);
    }

    private static async Task<bool> SaveAsync(WorkerServices services, IReadOnlyList<JobId> jobs, Func<JobId, Task<string?>> save)
    {
        services.Log.Info($"nobody has taken what this worker holds of {string.Join(", ", jobs)}: saving it");
        var troubles = await Task.WhenAll(jobs.Select(async job =>
        {
            var trouble = await save(job).ConfigureAwait(false);
            if (trouble is null)
                services.Log.Info($"{job}: its state is saved");
            else
                services.Log.Warn($"{job}: its state was not saved: {trouble}");
            return trouble;
        })).ConfigureAwait(false);
        return troubles.All(trouble => trouble is null);
    }

    private static async Task<bool> EndsAsync(Task task, TimeSpan within, CancellationToken abort)
    {
        try
        {
            await task.WaitAsync(within, abort).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static async Task CancelledAsync(CancellationToken first, CancellationToken second)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(first, second);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = either.Token.Register(cancelled.SetResult);
        await cancelled.Task.ConfigureAwait(false);
    }
}
