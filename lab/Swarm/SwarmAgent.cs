using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Worker.Agent;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// A node without devices: a real connection, the real messages, and no computing. It says hello until it is welcome, beats, reports
/// telemetry, answers orders, and connects again when its silo is lost, with the waits of a real worker. <see cref="Kill"/> ends it as
/// SIGKILL ends a process; <see cref="Start"/> makes a new one, which knows nothing of the old one.
/// </summary>
public sealed class SwarmAgent
{
    private static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WelcomeTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstHelloPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TelemetryPeriod = TimeSpan.FromSeconds(2);

    private readonly SwarmShape shape;
    private readonly AgentFrames frames;
    private readonly GatewayAccess gateways;
    private readonly SwarmPlane plane;
    private readonly SwarmCounts counts;
    private readonly IReadOnlyList<GpuDescription> gpus;
    private readonly int number;
    private readonly ulong seed;
    private Life? life;
    private long lastBoot;

    /// <summary>An agent whose process has not started.</summary>
    /// <param name="shape">The swarm.</param>
    /// <param name="number">The node, from 0.</param>
    /// <param name="seed">Decides its telemetry and its waits.</param>
    /// <param name="gpus">Its gpus; one list serves all agents.</param>
    /// <param name="frames">Reads what silos say.</param>
    /// <param name="gateways">The silos.</param>
    /// <param name="plane">The swarm's data plane.</param>
    /// <param name="counts">The swarm's counts.</param>
    public SwarmAgent(
        SwarmShape shape,
        int number,
        ulong seed,
        IReadOnlyList<GpuDescription> gpus,
        AgentFrames frames,
        GatewayAccess gateways,
        SwarmPlane plane,
        SwarmCounts counts)
    {
        (this.shape, this.number, this.seed, this.gpus, this.frames, this.gateways, this.plane, this.counts) = (
            shape, number, seed, gpus, frames, gateways, plane, counts);
        Node = shape.NameOf(number);
    }

    /// <summary>Its node.</summary>
    public NodeId Node { get; }

    /// <summary>The node, from 0.</summary>
    public int Number => number;

    /// <summary>Whether its process runs.</summary>
    public bool Alive => life is not null;

    /// <summary>Whether a silo has welcomed the connection that stands.</summary>
    public bool IsWelcome => life is { WelcomeAt: not 0 };

    /// <summary>When that was, by <see cref="Stopwatch.GetTimestamp"/>; 0: it is not.</summary>
    public long WelcomeAt => life?.WelcomeAt ?? 0;

    /// <summary>Lets changes of memberships pass by from now on, a defect; see <see cref="AgentRanks.SkipsGenerations"/>.</summary>
    public void SkipGenerations()
    {
        if (life is { } running)
            running.Ranks.SkipsGenerations = true;
    }

    /// <summary>The generation of a job that it holds.</summary>
    public HeldGeneration HeldOf(JobId job) => life?.Ranks.HeldOf(job) ?? HeldGeneration.None;

    /// <summary>Whether a node has a member in the membership of a job that it holds.</summary>
    public bool Includes(JobId job, int node) => life is { } running && running.Ranks.Includes(job, node);

    /// <summary>The generation of a gang whose processes run here, and when they were started; 0: none do.</summary>
    public (long Generation, long At) GangOf(JobId job) => life?.Gangs.RunningOf(job) ?? default;

    /// <summary>Starts its process, if none runs. Connecting goes on in the background, for as long as it takes.</summary>
    public void Start()
    {
        if (life is not null)
            return;
        lastBoot = Math.Max(lastBoot + 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        Life started = null!;
        started = new Life(
            new AgentRanks(shape, Node, lastBoot, plane, counts, message => started.Socket?.Say(message)),
            new AgentTelemetry(gpus.Count, seed + (ulong)lastBoot),
            new AgentGangs(lastBoot, message => started.Socket?.Say(message)));
        life = started;
        started.Running = Task.Run(() => ConnectAsync(started));
    }

    /// <summary>Its process dies. The plane is to be told, once for all that die together: <see cref="SwarmPlane.Lose"/>.</summary>
    public void Kill()
    {
        if (life is not { } dying)
            return;
        life = null;
        dying.Over.Cancel();
        dying.Ranks.Stop();
    }

    /// <summary>Ends its process and waits until nothing of it is left.</summary>
    public async Task EndAsync()
    {
        var ending = life;
        Kill();
        if (ending is not null)
            await ending.Running;
    }

    /// <summary>Says what is due, once a heartbeat's period.</summary>
    public void Beat(TimeSpan now)
    {
        if (life is not { } running || running.Socket is not { } socket)
            return;
        if (running.WelcomeAt == 0)
        {
            if (now >= running.HelloDueAt)
            {
                running.HelloDueAt = now + running.HelloPeriod;
                running.HelloPeriod *= 2;
                socket.Say(Introduction(socket.Session));
            }

            return;
        }

        socket.Say(new Heartbeat(++running.Beats, running.Ranks.Positions));
        counts.Beat();
        running.Gangs.OnTime(now);
        running.Ranks.Repeat(now);
        if (now < running.TelemetryDueAt)
            return;
        running.TelemetryDueAt = now + TelemetryPeriod;
        if (running.Telemetry.Read(now, connected: true) is { } report)
            socket.Say(report);
    }

    private async Task ConnectAsync(Life running)
    {
        var backoff = new Backoff((long)(seed + (ulong)number));
        var over = running.Over.Token;
        for (long attempt = number, connection = 1; !over.IsCancellationRequested; attempt++, connection++)
        {
            try
            {
                var reason = await ServeAsync(running, gateways.Silos[(int)(attempt % gateways.Silos.Count)], connection, backoff, over);
                if (running.WelcomeAt != 0)
                    counts.Lose(reason);
                else
                    counts.TryAgain(reason);
            }
            catch (OperationCanceledException) when (over.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failed) when (failed is WebSocketException or HttpRequestException or IOException or JsonException
                or OperationCanceledException or InvalidOperationException)
            {
                if (running.WelcomeAt != 0)
                    counts.Lose(failed.Message);
                else
                    counts.TryAgain(failed.Message);
            }
            catch (FormatException wrong)
            {
                counts.Complain($"{Node}: {wrong.Message}");
            }

            (running.Socket, running.WelcomeAt) = (null, 0);
            if (over.IsCancellationRequested)
                return;
            await Task.Delay(backoff.Next(), over)
                .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private async Task<string> ServeAsync(Life running, Uri silo, long connection, Backoff backoff, CancellationToken over)
    {
        using var socket = new AgentSocket(new WorkerSession(running.Ranks.Boot, connection), frames, counts);
        await gateways.Opening.WaitAsync(over);
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(over);
            patience.CancelAfter(OpenTimeout);
            await socket.OpenAsync(silo, gateways.Token, gateways.Http, patience.Token);
        }
        finally
        {
            gateways.Opening.Release();
        }

        (running.HelloPeriod, running.HelloDueAt) = (2 * FirstHelloPeriod, Worker.Monotonic.Now + FirstHelloPeriod);
        socket.Say(Introduction(socket.Session));
        running.Socket = socket;
        using var unwelcome = CancellationTokenSource.CreateLinkedTokenSource(over);
        unwelcome.CancelAfter(WelcomeTimeout);
        return await socket.RunAsync(message => Hear(message, running, socket, unwelcome, backoff), unwelcome.Token);
    }

    private void Hear(CoordinatorMessage message, Life running, AgentSocket socket, CancellationTokenSource unwelcome, Backoff backoff)
    {
        if (life != running)
            return;
        switch (message)
        {
            case Welcome:
                unwelcome.CancelAfter(Timeout.Infinite);
                backoff.Reset();
                if (running.WelcomeAt == 0)
                    running.WelcomeAt = Stopwatch.GetTimestamp();

                // A second welcome comes from a grain that was loaded anew: what the one before was told may be lost.
                running.Ranks.SiloReached(Worker.Monotonic.Now);
                break;
            case HelloWanted wanted when wanted.Session == socket.Session:
                socket.Say(Introduction(socket.Session) with { Proof = wanted.Proof });
                break;
            case GangOrdered ordered:
                running.Gangs.Hear(ordered.Order, Worker.Monotonic.Now);
                break;
            default:
                running.Ranks.Hear(message, Worker.Monotonic.Now);
                break;
        }
    }

    private Hello Introduction(WorkerSession session) => new()
    {
        Node = Node,
        Session = session,
        DataAddress = $"{Node}:7000",
        ProcessId = Environment.ProcessId,
        Gpus = gpus,
    };

    /// <summary>One process of the agent.</summary>
    private sealed class Life(AgentRanks ranks, AgentTelemetry telemetry, AgentGangs gangs)
    {
        public AgentRanks Ranks => ranks;

        public AgentTelemetry Telemetry => telemetry;

        public AgentGangs Gangs => gangs;

        public CancellationTokenSource Over { get; } = new();

        public Task Running { get; set; } = Task.CompletedTask;

        public volatile AgentSocket? Socket;

        public long WelcomeAt;

        public long Beats;

        public TimeSpan HelloDueAt;

        public TimeSpan HelloPeriod;

        public TimeSpan TelemetryDueAt;
    }
}
