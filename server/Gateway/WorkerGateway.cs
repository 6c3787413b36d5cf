using System.Net.WebSockets;
using Coordinator.Machines;
using Coordinator.Server.Api;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Gateway;

/// <summary>
/// The workers' door. A connection says hello in time and in this protocol, and is then its node's voice: what it says
/// goes to the node's grain in order, between <see cref="WorkerConnected"/> and <see cref="WorkerDisconnected"/>. Whatever
/// is wrong with a connection closes that connection, with a reason, and nothing else.
/// </summary>
internal sealed class WorkerGateway(
    IGrainHost grains, WorkerLinks links, GatewayOptions options, TimeProvider time, ILogger<WorkerGateway> logger)
{
    private volatile bool stopping;

    /// <summary>Serves one connection to its end.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            await ApiError.Write(
                context,
                StatusCodes.Status426UpgradeRequired,
                "workers connect here by WebSocket",
                "Start a worker with 'coordinator worker'.").ConfigureAwait(false);
            return;
        }

        if (stopping)
        {
            await ApiError.Write(context, StatusCodes.Status503ServiceUnavailable, "the silo is stopping", "Connect again in a moment.")
                .ConfigureAwait(false);
            return;
        }

        using var socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
        var frames = new FrameReader(socket, options.MaxFrameBytes);
        var (hello, fault) = await GreetAsync(frames, context.RequestAborted).ConfigureAwait(false);
        fault ??= hello is null ? null : WhyUnreachable(hello, context.Connection);
        if (fault is not null)
            await RefuseAsync(socket, fault, context.RequestAborted).ConfigureAwait(false);
        if (fault is not null || hello is null)
            return;

        using var link = new WorkerLink(socket, hello.Node, hello.Session, hello.Gpus.Count, options, time, context.RequestAborted);
        if (!links.TryAdd(link))
        {
            await RefuseAsync(
                socket,
                new CloseReason(WebSocketCloseStatus.PolicyViolation, "this or a newer connection of the process stands"),
                context.RequestAborted).ConfigureAwait(false);
            return;
        }

        if (stopping)
            link.Close(Stopping);
        await ServeAsync(link, hello, socket, frames).ConfigureAwait(false);
    }

    /// <summary>Closes all connections, and ends when their grains were told.</summary>
    public async Task StopAsync()
    {
        stopping = true;
        var all = links.All;
        foreach (var link in all)
            link.Close(Stopping);
        await Task.WhenAll(all.Select(link => link.Over.Task)).ConfigureAwait(false);
    }

    private static CloseReason Stopping => new(WebSocketCloseStatus.EndpointUnavailable, "the silo is stopping");

    private async Task<(Hello? Hello, CloseReason? Fault)> GreetAsync(FrameReader frames, CancellationToken aborted)
    {
        // A receive that is cancelled aborts its socket, so the deadline runs beside it.
        var reading = frames.ReadAsync(aborted);
        try
        {
            var frame = await reading.WaitAsync(options.HelloTimeout, time, aborted).ConfigureAwait(false);
            if (frame.Ended || frame.Fault is not null)
                return (null, frame.Fault);
            return WorkerFrames.ReadHello(frame.Text);
        }
        catch (TimeoutException)
        {
            return (
                null,
                new CloseReason(WebSocketCloseStatus.PolicyViolation, $"no hello within {options.HelloTimeout.TotalSeconds:0.###} s"));
        }
        catch (OperationCanceledException)
        {
            return (null, null);
        }
    }

    private static CloseReason? WhyUnreachable(Hello hello, ConnectionInfo from) =>
        LoopbackRule.WhyUnreachable(hello.DataAddress, from.RemoteIpAddress, from.LocalIpAddress) is { } why
        ? new CloseReason(RefusalKind.Invalid, why)
        : null;

    private async Task ServeAsync(WorkerLink link, Hello hello, WebSocket socket, FrameReader frames)
    {
        var grain = GrainAddress.Of(link.Node);
        GatewayLog.Connected(logger, link.Node, link.Session);
        grains.Post(grain, new WorkerConnected(link.Session, hello));
        var writing = link.WriteAsync();
        var ended = "connection closed";
        while (link.Reason is null)
        {
            var frame = await frames.ReadAsync(link.Cut).ConfigureAwait(false);
            if (frame.Ended)
                break;
            var (message, fault) = frame.Fault is null ? WorkerFrames.Read(frame.Text, link.Node, link.Session) : (null, frame.Fault);
            if (message is Heartbeat beat && !link.Heartbeats.Passes(beat, links.Count))
                continue;
            if (message is not null)
            {
                grains.Post(
                    grain, message is Hello again ? new WorkerConnected(link.Session, again) : new WorkerSaid(link.Session, message));
                continue;
            }

            link.Close(fault!);
        }

        links.Remove(link);
        if (link.Reason is { } reason)
            ended = reason.Text;
        grains.Post(grain, new WorkerDisconnected(link.Session, ended));
        GatewayLog.Disconnected(logger, link.Node, link.Session, ended);
        link.Close(new CloseReason(WebSocketCloseStatus.NormalClosure, ""));
        await writing.ConfigureAwait(false);
        await DrainAsync(socket, link.Cut).ConfigureAwait(false);
        link.Over.TrySetResult();
    }

    private async Task RefuseAsync(WebSocket socket, CloseReason reason, CancellationToken aborted)
    {
        GatewayLog.Refused(logger, reason.Text);
        using var patience = new CancellationTokenSource(options.CloseTimeout, time);
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(aborted, patience.Token);
        try
        {
            await socket.CloseOutputAsync(reason.Status, reason.Text, cut.Token).ConfigureAwait(false);
            await DrainAsync(socket, cut.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or IOException)
        {
            // It is gone already.
        }
    }

    /// <summary>
    /// Reads on until the peer's close frame: data left unread would make the system reset the connection, and the reason would be lost.
    /// </summary>
    private static async Task DrainAsync(WebSocket socket, CancellationToken cut)
    {
        var scratch = new byte[8192];
        try
        {
            while (socket.State is WebSocketState.Open or WebSocketState.CloseSent)
                await socket.ReceiveAsync(scratch.AsMemory(), cut).ConfigureAwait(false);
        }
        catch (Exception exception) when (
            exception is WebSocketException or OperationCanceledException or IOException or InvalidOperationException)
        {
            // It is gone already.
        }
    }
}
