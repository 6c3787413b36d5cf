using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Worker.Agent;

/// <summary>
/// Keeps a connection to one of the silos: says hello, waits for the welcome, sends heartbeats, and connects again, for as long as it
/// takes, when the connection is lost. Training does not wait for any of it.
/// <para>
/// What can never succeed is not tried for ever: a worker that no silo ever let in, and that all of them refuse for what it is started
/// with, ends with the reason, as does one whose node's name another worker has. A worker that was let in before stays, whatever a silo
/// says of its token or its certificate: it may hold the state of a job.
/// </para>
/// </summary>
internal sealed class SiloLink
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WelcomeTimeout = TimeSpan.FromSeconds(10);

    // A hello goes down with its node's grain if that lived on a silo that has died and is not known to be dead. That takes about a second.
    private static readonly TimeSpan FirstHelloPeriod = TimeSpan.FromMilliseconds(500);

    private readonly WorkerOptions options;
    private readonly string dataAddress;
    private readonly HttpMessageInvoker http;
    private readonly IWorkerLog log;
    private readonly Action<CoordinatorMessage> heard;
    private readonly Action reached;
    private readonly Func<IReadOnlyList<RankPosition>> positions;
    private readonly Backoff backoff;
    private readonly Uri[] silos;
    private readonly string?[] refusals;
    private bool wasWelcome;
    private volatile SiloConnection? current;
    private long connections;
    private long heartbeats;
    private string lastTrouble = "";

    public SiloLink(
        WorkerOptions options,
        string dataAddress,
        HttpMessageInvoker http,
        IWorkerLog log,
        Action<CoordinatorMessage> heard,
        Action reached,
        Func<IReadOnlyList<RankPosition>> positions)
    {
        (this.options, this.dataAddress, this.http, this.log, this.heard, this.reached, this.positions) = (
            options, dataAddress, http, log, heard, reached, positions);
        backoff = new Backoff(options.Boot);
        silos = [.. options.Silos.Select(GatewayOf)];
        if (silos.Length == 0)
            throw new ArgumentException("a worker needs the address of at least one silo", nameof(options));
        refusals = new string?[silos.Length];
    }

    /// <summary>Whether a connection stands.</summary>
    public bool IsConnected => current is not null;

    /// <summary>Says something over the connection that stands; without one it is dropped.</summary>
    public void Tell(WorkerMessage message) => current?.Tell(message);

    /// <summary>Ends the connection that stands, after what was said has left.</summary>
    public Task EndAsync(string reason) => current?.EndAsync(reason) ?? Task.CompletedTask;

    /// <summary>Connects again and again until it is cancelled.</summary>
    /// <exception cref="WorkerEndedException">No silo takes the worker, and none will.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        // Workers begin with different silos, and after a connection was lost each goes on with the next one.
        for (var attempt = (long)Spread(options.Node); !cancel.IsCancellationRequested; attempt++)
        {
            var index = attempt % silos.Length;
            var silo = silos[index];
            refusals[index] = null;
            try
            {
                var (kind, reason) = await ServeAsync(silo, cancel).ConfigureAwait(false);
                Trouble($"{silo} closed the connection: {reason}");
                Judge(kind, reason, index);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (RefusedException refused)
            {
                Trouble($"{silo}: {refused.Failure.Text}");
                if (refused.Failure.IsFinal)
                    NoteFinal(index, refused.Failure.Text);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or FormatException
                or JsonException or InvalidOperationException)
            {
                Trouble($"{silo}: {e.Message}");
            }

            try
            {
                await Task.Delay(backoff.Next(), cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>The same in every process, unlike a string's own hash code (FNV-1a).</summary>
    internal static uint Spread(NodeId node)
    {
        var hash = 2166136261;
        foreach (var letter in node.Value)
            hash = (hash ^ letter) * 16777619;
        return hash;
    }

    /// <summary>The gateway's address from any way of writing a silo's.</summary>
    internal static Uri GatewayOf(Uri silo)
    {
        var uri = new UriBuilder(silo);
        uri.Scheme = uri.Scheme switch
        {
            "http" => "ws",
            "https" => "wss",
            var other => other,
        };
        if (uri.Path is "" or "/")
            uri.Path = "/worker";
        return uri.Uri;
    }

    /// <summary>Acts on the kind of refusal that ended a connection, if one did.</summary>
    /// <exception cref="WorkerEndedException">It is for good.</exception>
    private void Judge(RefusalKind? kind, string reason, long index)
    {
        switch (kind)
        {
            case RefusalKind.Invalid:
                NoteFinal(index, reason);
                break;
            case RefusalKind.NameTaken:
                throw new WorkerEndedException(
                    $"The node's name '{options.Node}' is another worker's: {reason}.",
                    "Choose another --node, end the other worker, or insist with --replace.");
            case RefusalKind.Displaced:
                throw new WorkerEndedException(
                    $"This worker is node '{options.Node}' no more: {reason}.",
                    "Nothing that it computes counts, so it ends; started again, it asks for its name again.")
                {
                    DisplacedBy = BootIn(reason),
                };
        }
    }

    /// <summary>
    /// A silo refused what this worker is started with. Once all have, the last time that they were asked, another try is of no use.
    /// </summary>
    /// <exception cref="WorkerEndedException">All have, and none ever let the worker in.</exception>
    private void NoteFinal(long index, string reason)
    {
        refusals[index] = reason;
        if (!wasWelcome && refusals.All(refusal => refusal is not null))
            throw new WorkerEndedException($"No silo takes this worker: {silos[index]}: {reason}.", "Start it again with that set right.");
    }

    /// <summary>The number at a text's end; 0 where there is none.</summary>
    private static long BootIn(string text) =>
        long.TryParse(text.AsSpan(text.LastIndexOf(' ') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var boot) ? boot : 0;

    private async Task<(RefusalKind? Kind, string Reason)> ServeAsync(Uri silo, CancellationToken cancel)
    {
        using var socket = new ClientWebSocket();
        if (options.Token.Length > 0)
            socket.Options.SetRequestHeader("Authorization", $"Bearer {options.Token}");
        socket.Options.KeepAliveInterval = TimeSpan.FromSeconds(2);
        socket.Options.KeepAliveTimeout = TimeSpan.FromSeconds(5);
        socket.Options.CollectHttpResponseDetails = true;
        using (var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel))
        {
            patience.CancelAfter(ConnectTimeout);
            try
            {
                await socket.ConnectAsync(silo, http, patience.Token).ConfigureAwait(false);
            }
            catch (WebSocketException refused)
            {
                throw new RefusedException(ConnectFailure.Explain(refused, socket.HttpStatusCode), refused);
            }
        }

        using var connection = new SiloConnection(socket, new WorkerSession(options.Boot, ++connections), options.Faults);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var welcome = new TaskCompletionSource<Welcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var beating = Task.Run(() => BeatAsync(connection, welcome.Task, ended), CancellationToken.None);
        current = connection;
        try
        {
            await connection.RunAsync(Introduction(connection.Session), message => Hear(message, silo, connection, welcome), ended.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, welcome.Task.IsCompleted ? "it does not take what it is told" : "no welcome came");
        }
        finally
        {
            current = null;
            await ended.CancelAsync().ConfigureAwait(false);
            await beating.ConfigureAwait(false);
        }

        var kind = socket.CloseStatus is { } status && Enum.IsDefined((RefusalKind)status) ? (RefusalKind)status : (RefusalKind?)null;
        return (kind, socket.CloseStatusDescription is { Length: > 0 } text ? text : "no reason given");
    }

    private void Hear(CoordinatorMessage message, Uri silo, SiloConnection connection, TaskCompletionSource<Welcome> welcome)
    {
        switch (message)
        {
            case Welcome greeting:
                if (welcome.TrySetResult(greeting))
                {
                    wasWelcome = true;
                    backoff.Reset();
                    lastTrouble = "";
                    log.Info($"connected to {silo}");
                    options.Connected?.Invoke(silo);
                }

                // A second welcome comes from a grain that was loaded anew: what the one before was told may be lost.
                reached();
                break;
            case HelloWanted wanted:
                if (wanted.Session == connection.Session)
                    connection.Tell(Introduction(connection.Session) with { Proof = wanted.Proof });
                break;
            default:
                heard(message);
                break;
        }
    }

    private async Task BeatAsync(SiloConnection connection, Task<Welcome> welcome, CancellationTokenSource ended)
    {
        try
        {
            var greeting = await WelcomeAsync(connection, welcome, ended.Token).ConfigureAwait(false);
            using var timer = new PeriodicTimer(
                greeting.HeartbeatPeriod > TimeSpan.FromMilliseconds(10) ? greeting.HeartbeatPeriod : TimeSpan.FromMilliseconds(10));
            do
                connection.Tell(new Heartbeat(++heartbeats, positions()));
            while (await timer.WaitForNextTickAsync(ended.Token).ConfigureAwait(false));
        }
        catch (TimeoutException)
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The connection ended.
        }
    }

    /// <summary>Says hello again, twice as late each time, until it is heard.</summary>
    /// <exception cref="TimeoutException">It was not heard in <see cref="WelcomeTimeout"/>.</exception>
    private async Task<Welcome> WelcomeAsync(SiloConnection connection, Task<Welcome> welcome, CancellationToken ended)
    {
        var left = WelcomeTimeout;
        for (var period = FirstHelloPeriod; period < left; period *= 2)
        {
            try
            {
                return await welcome.WaitAsync(period, ended).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                left -= period;
                connection.Tell(Introduction(connection.Session));
            }
        }

        return await welcome.WaitAsync(left, ended).ConfigureAwait(false);
    }

    private Hello Introduction(WorkerSession session) => new()
    {
        Node = options.Node,
        Session = session,
        DataAddress = dataAddress,
        ProcessId = Environment.ProcessId,
        Replace = options.Replace ? true : null,
        Labels = options.Labels.Count > 0 ? options.Labels : null,
        Gpus = [.. options.Gpus.Select(
            (gpu, index) => new GpuDescription(index, gpu.Name, gpu.DeviceClass, gpu.Device) { MemoryBytes = gpu.MemoryBytes })],
    };

    /// <summary>Says what is wrong once, not with every attempt.</summary>
    private void Trouble(string text)
    {
        if (text == lastTrouble)
            return;
        lastTrouble = text;
        log.Warn($"no silo: {text}");
    }

    private sealed class RefusedException(ConnectFailure failure, Exception inner) : Exception(failure.Text, inner)
    {
        public ConnectFailure Failure => failure;
    }
}
