using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Server.Client;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// The agents of this process, their data plane, and the clock that lets them beat. Agents are told when to beat, evenly over the period,
/// and nothing else of each other.
/// </summary>
public sealed class AgentSwarm : IAsyncDisposable
{
    /// <summary>Handshakes at a time.</summary>
    private const int Opening = 128;

    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(20);

    private readonly TimeSpan beatPeriod;
    private readonly HttpMessageInvoker http;
    private readonly SemaphoreSlim opening = new(Opening);
    private readonly CancellationTokenSource end = new();
    private readonly Thread beating;
    private readonly Task ticking;

    /// <summary>A swarm whose agents have not started.</summary>
    /// <param name="shape">Its size.</param>
    /// <param name="silos">Addresses of the silos, with commas between them; agents begin with different ones.</param>
    /// <param name="token">Bearer token.</param>
    /// <param name="stepTime">Time of a job's step.</param>
    /// <param name="beatPeriod">Time between two heartbeats of an agent.</param>
    /// <param name="links">Nodes that a node has a link to on the data plane.</param>
    /// <param name="seed">Decides telemetry and waits.</param>
    /// <param name="proxy">Proxy on the way to the silos; null: none.</param>
    public AgentSwarm(
        SwarmShape shape, string silos, string token, TimeSpan stepTime, TimeSpan beatPeriod, int links, ulong seed, Uri? proxy = null)
    {
        this.beatPeriod = beatPeriod;
        Shape = shape;
        Plane = new SwarmPlane(stepTime, links, Counts.Complain);
        http = SiloHttp.Create(proxy);
        var gateways = new GatewayAccess(GatewayAccess.GatewaysOf(silos), token, http, opening);
        var (gpus, frames) = (shape.Describe(), new AgentFrames(shape));
        Agents = [
            .. Enumerable.Range(0, shape.Nodes).Select(number => new SwarmAgent(shape, number, seed, gpus, frames, gateways, Plane, Counts))
        ];
        beating = new Thread(Beat) { IsBackground = true, Name = "swarm beats" };
        beating.Start();
        ticking = Task.Run(TickAsync);
    }

    /// <summary>Its size.</summary>
    public SwarmShape Shape { get; }

    /// <summary>The agents, by number.</summary>
    public IReadOnlyList<SwarmAgent> Agents { get; }

    /// <summary>What passed between them and the silos.</summary>
    public SwarmCounts Counts { get; } = new();

    /// <summary>Their data plane.</summary>
    public SwarmPlane Plane { get; }

    /// <summary>Starts all agents that do not run.</summary>
    public void Start()
    {
        foreach (var agent in Agents)
            agent.Start();
    }

    /// <summary>Kills agents, all of them before anybody notices.</summary>
    public void Kill(IReadOnlyCollection<SwarmAgent> victims)
    {
        foreach (var victim in victims)
            victim.Kill();
        Plane.Lose(victims.Select(victim => victim.Node).ToHashSet());
    }

    /// <summary>What agents hold of a job, and whether they agree.</summary>
    /// <param name="job">The job.</param>
    /// <param name="holders">The agents that are to hold a generation.</param>
    /// <param name="after">One that is newer than this.</param>
    public Agreement Look(JobId job, IReadOnlyCollection<SwarmAgent> holders, long after)
    {
        // Twice over all of them, and no list of what they hold: it is done many times a second for thousands. A generation that comes
        // meanwhile is seen the next time.
        var newest = after;
        foreach (var agent in holders)
            newest = Math.Max(newest, agent.HeldOf(job).Generation);
        var (held, members, heldAt, hash) = (0, 0, 0L, "");
        SwarmAgent? behind = null;
        foreach (var agent in holders)
        {
            var own = agent.HeldOf(job);
            if (own.Generation < newest || own.Generation <= after)
            {
                behind ??= agent;
                continue;
            }

            if (own.Generation > newest)
                continue;
            if (held++ == 0)
            {
                (members, hash) = (own.Members, own.Hash);
            }
            else if (own.Hash != hash || own.Members != members)
            {
                Counts.Complain($"{agent.Node} holds generation {newest} of {own.Members} members with hash {own.Hash}, others one of "
                    + $"{members} with hash {hash}");
            }
            heldAt = Math.Max(heldAt, own.HeldAt);
        }

        return new Agreement(holders.Count, held, newest, members, heldAt, behind);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await ticking;
        beating.Join();
        await Task.WhenAll(Agents.Select(agent => agent.EndAsync()));
        http.Dispose();
        opening.Dispose();
        end.Dispose();
    }

    /// <summary>
    /// Every agent once a period, spread over it. On a thread of its own: thousands of nodes each have a processor for their beat, and here
    /// they would wait behind all that the others have to read.
    /// </summary>
    private void Beat()
    {
        var began = Stopwatch.GetTimestamp();
        long done = 0;
        while (!end.Token.WaitHandle.WaitOne(Slice))
        {
            var due = (long)(Stopwatch.GetElapsedTime(began) / beatPeriod * Agents.Count);

            // A process that was held up for longer than a period has missed beats, as a frozen worker has.
            done = Math.Max(done, due - Agents.Count);
            for (; done < due; done++)
                Agents[(int)(done % Agents.Count)].Beat(Worker.Monotonic.Now);
        }
    }

    private async Task TickAsync()
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (await NextAsync(ticks))
            Plane.Tick(Worker.Monotonic.Now);
    }

    private async Task<bool> NextAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(end.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
