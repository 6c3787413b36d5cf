using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// Where peers come in: accepts connections, lets each say who it is, and hands those that prove it to their link. Who has not proved
/// itself yet is bounded by <see cref="Strangers"/> and by a deadline; who has to go is told so, and comes again if it is a peer.
/// </summary>
internal sealed class DataListener
{
    /// <summary>
    /// Unread bytes of one that is sent away that are taken in, so that the system does not reset the connection over them and lose the
    /// word why.
    /// </summary>
    private const int DrainedBytes = 4096;

    private readonly DataPlaneOptions options;
    private readonly Socket listener;
    private readonly IGenerationDirectory generations;
    private readonly IWorkerLog log;
    private readonly CancellationToken stopping;
    private readonly Strangers strangers;
    private readonly byte[] selfNonce = RandomNumberGenerator.GetBytes(HandshakeHello.NonceSize);

    public DataListener(
        DataPlaneOptions options, Socket listener, IGenerationDirectory generations, IWorkerLog log, CancellationToken stopping)
    {
        (this.options, this.listener, this.generations, this.log, this.stopping) = (options, listener, generations, log, stopping);
        strangers = new Strangers(options.MaxHandshakes, options.MaxHandshakesOfOneAddress);
    }

    /// <summary>
    /// What this worker says when it dials itself, to see whether its address leads here: no other worker knows the nonce.
    /// </summary>
    public HandshakeHello SelfHello => new(new JobId("self"), 1, options.Node, options.Node, selfNonce);

    /// <summary>Accepts until the listener is closed.</summary>
    public async Task RunAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.AcceptAsync(stopping).ConfigureAwait(false);
                TakeIn(socket);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // A connection that died before it was accepted, or no descriptor left: neither ends the listener.
                log.Warn($"data plane: accepting failed: {e.Message}");
                if (e.SocketErrorCode == SocketError.TooManyOpenSockets)
                    strangers.MakeRoom();
                await Task.Delay(TimeSpan.FromMilliseconds(20), CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private void TakeIn(Socket socket)
    {
        Stranger stranger;
        try
        {
            stranger = strangers.Enter(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return;
        }

        _ = Task.Run(() => AnswerAsync(stranger), CancellationToken.None);
    }

    private async Task AnswerAsync(Stranger stranger)
    {
        var socket = stranger.Socket;
        var taken = false;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping, stranger.Away);
        limit.CancelAfter(options.HandshakeTimeout);
        try
        {
            socket.NoDelay = true;
            var refusal = await AdmitAsync(stranger, limit.Token).ConfigureAwait(false);
            taken = refusal == RefusalReason.None;
            if (!taken)
            {
                if (refusal != RefusalReason.Self)
                    log.Warn($"data plane: refused a connection from {socket.RemoteEndPoint}: {refusal}");
                await RefuseAsync(socket, refusal, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            await TurnAwayAsync(
                socket, stranger.Away.IsCancellationRequested ? RefusalReason.Busy : RefusalReason.TimedOut).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            log.Info($"data plane: a connection ended in its handshake: {e.Message}");
        }
        finally
        {
            strangers.Leave(stranger);
            stranger.Dispose();
            if (!taken)
                socket.Dispose();
        }
    }

    private async Task<RefusalReason> AdmitAsync(Stranger stranger, CancellationToken limit)
    {
        var socket = stranger.Socket;
        if (await Handshake.ReadHelloAsync(socket, limit).ConfigureAwait(false) is not { } hello)
            return RefusalReason.Malformed;
        stranger.HasSpoken = true;
        if (hello.To != options.Node)
            return RefusalReason.WrongNode;
        if (hello.From == options.Node)
            return CryptographicOperations.FixedTimeEquals(hello.Nonce, selfNonce) ? RefusalReason.Self : RefusalReason.NotExpected;
        var (group, refusal) = await generations.FindAsync(hello, limit).ConfigureAwait(false);
        if (group is null)
            return refusal;
        if (hello.From.CompareTo(options.Node) >= 0 || group.LinkOf(hello.From) is not { } link)
            return RefusalReason.NotExpected;
        if (!strangers.Expect(stranger, link))
            return RefusalReason.Busy;
        if (await Handshake.ChallengeAsync(socket, hello, group.Spec.Key, limit).ConfigureAwait(false) is not { } nonce)
            return RefusalReason.WrongKey;
        if (link.Open || link.Closed)
            return group.Over.IsCancellationRequested ? RefusalReason.OlderGeneration : RefusalReason.Repeated;

        // The acceptance goes out before the link may send frames over the same socket.
        await Handshake.AcceptAsync(socket, hello, group.Spec.Key, nonce, limit).ConfigureAwait(false);
        if (!link.Attach(socket))
            socket.Abort();
        return RefusalReason.None;
    }

    private async Task TurnAwayAsync(Socket socket, RefusalReason reason)
    {
        using var moment = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await RefuseAsync(socket, reason, moment.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It has gone by itself.
        }
    }

    private static async Task RefuseAsync(Socket socket, RefusalReason reason, CancellationToken cancel)
    {
        await Handshake.RefuseAsync(socket, reason, cancel).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
        var unread = new byte[DrainedBytes];
        if (socket.Available > 0)
            _ = await socket.ReceiveAsync(unread, SocketFlags.None, cancel).ConfigureAwait(false);
    }
}
