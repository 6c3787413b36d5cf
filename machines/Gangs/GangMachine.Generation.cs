using System.Security.Cryptography;
using System.Text;

namespace Coordinator.Machines.Gangs;

/// <content>Has a generation's agents prepare, lets them start together, and watches them.</content>
public sealed partial class GangMachine
{
    private int? answered;
    private GangStart? start;
    private long startOf;

    private void Prepare()
    {
        if (FindLoss() is { } loss)
        {
            Stop(loss, null);
        }
        else if (agents.Values.All(agent => agent.Report?.Phase is GangPhase.Ready or GangPhase.Running))
        {
            state = state! with { Stage = GangStage.Running, Started = true };
            isDirty = true;
            lookAt = now;
            Observe(
                EventKinds.GenerationPlanned,
                $"generation {state.Generation} starts its processes",
                durationMs: (now - stageAt).TotalMilliseconds);
        }
    }

    private void Run()
    {
        if (LookedAt.Any(agent =>
            agent.Report is { } report && report.Ranks.Any(rank => rank.Exit is { IsSuccess: false } exit && (!exit.Asked || exit.Hung))))
        {
            Stop(FailureOf(), null);
            return;
        }

        if (FindLoss() is { } loss)
        {
            Stop(loss, null);
            return;
        }

        if (LookedAt.Any(agent => agent.HasSucceeded) && agents.Values.All(agent => agent.HasSucceeded))
        {
            Stop(new GangFailure(state!.Generation, GangFailure.Done, "all processes ended well"), GangStage.Finished);
            return;
        }

        if (!saidRunning && agents.Values.All(agent =>
            agent.Report is { Phase: GangPhase.Running } report && report.Ranks.All(rank => rank.ProcessId > 0 || rank.Exit is not null)))
        {
            saidRunning = true;
            Observe(
                EventKinds.GenerationRunning,
                $"generation {state!.Generation}: all {Spec.RanksOn(state.Members.Count)} processes run",
                durationMs: (now - stageAt).TotalMilliseconds);
        }
    }

    private bool saidRunning;

    /// <summary>When all members are looked at again; between, only the one that reports is.</summary>
    private TimeSpan lookAt;

    private IEnumerable<Agent> LookedAt => now < lookAt && answered is { } index ? [agents[index]] : agents.Values;

    /// <summary>
    /// A member without which the others cannot go on. One that is not heard for most of its lease is lost: it may be alive, which is why
    /// the next generation waits for the lease's end, and the others need not be kept waiting meanwhile.
    /// </summary>
    private GangFailure? FindLoss()
    {
        if (now < lookAt && answered is { } index)
        {
            WakeAt(Sooner(lookAt, now + RepeatPeriod));
            return LossOf(index);
        }

        var next = awake + LostAfter;
        foreach (var (member, agent) in agents)
        {
            if (LossOf(member) is { } loss)
                return loss;
            var lostAt = LostAt(agent);
            next = lostAt < next ? lostAt : next;
        }

        lookAt = now + (next - awake);
        WakeAt(Sooner(lookAt, now + RepeatPeriod));
        return LossByOffer();
    }

    /// <summary>
    /// When an agent counts as lost, by the clock of <see cref="awake"/>. Before anything runs nobody is kept waiting by a node that is
    /// slow. One that was not heard since this machine was loaded goes on meanwhile with its peers, and may still be looking for the silo
    /// that took the place of another: unknown is not gone.
    /// </summary>
    private TimeSpan LostAt(Agent agent) => (agent.HeardAwake ?? stageAwake) + PatienceWith(agent);

    private TimeSpan PatienceWith(Agent agent) =>
        state!.Started && agent.HeardAwake is not null ? LostAfter : Later(LostAfter, LongPatience);

    /// <summary>
    /// When an agent counts as lost that the cluster cannot reach either. One that is merely slow costs no generation, and where all had a
    /// new silo to find, none of them is sooner.
    /// </summary>
    private TimeSpan OutOfReachAt(Agent agent) => isResumed ? LostAt(agent) : (agent.HeardAwake ?? stageAwake) + LostAfter;

    private GangFailure? LossOf(int index)
    {
        var (agent, node) = (agents[index], state!.Members[index].Node);
        return agent.Report switch
        {
            { Phase: GangPhase.Refused } refused =>
                new GangFailure(state.Generation, "refused", $"{node} cannot take part: {refused.Detail}") { Node = node, Counts = true },
            { Phase: GangPhase.Stopping or GangPhase.Stopped } stopped when stopped.Ranks.All(
                rank => rank.Exit is null or { Asked: true } or { IsSuccess: true }) =>
                new GangFailure(
                    state.Generation,
                    stopped.Ranks.Count == 0 ? "worker ended" : GangFailure.NodeStopped,
                    $"{node} runs nothing of the generation: "
                        + (stopped.Detail.Length > 0 ? stopped.Detail : "its worker was started again"))
                {
                    Node = node,
                },
            _ when awake >= LostAt(agent) =>
                new GangFailure(state.Generation, "node lost", $"{node} was not heard for {PatienceWith(agent).TotalSeconds:0.#} s")
                {
                    Node = node,
                },
            _ => null,
        };
    }

    /// <summary>
    /// A gpu of a member that the cluster wants back, or that is out of service; a worker that was started again; before anything runs,
    /// also a node that is out of reach.
    /// </summary>
    private GangFailure? LossByOffer()
    {
        foreach (var offer in suspects)
        {
            var node = offer.Gpu.Node;
            if (IndexOf(node) is not (>= 0 and var index) || !state!.Members[index].Gpus.Contains(offer.Gpu.Index))
                continue;
            if (offer.GiveBack is { } reason)
            {
                var cause = offer.Drained ? GangFailure.Drained : GangFailure.GivenBack;
                return new GangFailure(state!.Generation, cause, $"{node}: {reason}") { Node = node };
            }

            if (offer.Session.Boot > state!.Members[index].Boot)
            {
                return new GangFailure(
                    state.Generation,
                    "worker ended",
                    $"{node} runs nothing of the generation: its worker was started again")
                { Node = node };
            }
            if (offer is { Up: false, NodeUp: true })
            {
                return new GangFailure(
                    state.Generation, "gpu out of service", $"gpu {offer.Gpu} is out of service")
                { Node = node, Gpu = offer.Gpu.Index };
            }
            if (!offer.Up && state.Stage == GangStage.Preparing && awake >= OutOfReachAt(agents[index]))
                return new GangFailure(state.Generation, "node lost", $"{node} is out of reach") { Node = node };
        }

        return null;
    }

    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(3);
    private static readonly TimeSpan LongPatience = TimeSpan.FromSeconds(30);

    private TimeSpan LostAfter => Spec.Lease * 0.8;

    /// <summary>
    /// Orders every member: at once where it has to do something else than it was told last, and again until it is seen to have done it.
    /// </summary>
    private void OrderAll()
    {
        GangWish? wish = state!.Stage switch
        {
            GangStage.Preparing => GangWish.Prepare,
            GangStage.Running => GangWish.Run,
            GangStage.Stopping => GangWish.Stop,
            _ => null,
        };
        if (wish is { } wanted)
        {
            foreach (var index in wanted == GangWish.Stop ? PanelFirst() : agents.Keys)
            {
                var agent = agents[index];
                var isDone = wanted switch
                {
                    GangWish.Prepare => agent.Report?.Phase is GangPhase.Preparing or GangPhase.Ready or GangPhase.Running,
                    GangWish.Run => agent.Report?.Phase is GangPhase.Running,
                    _ => agent.IsStopped,
                };
                if (agent.Ordered != wanted || answered == index || (!isDone && now >= agent.OrderedAt + OrderPeriod))
                {
                    (agent.Ordered, agent.OrderedAt) = (wanted, now);
                    Order(state.Members[index].Node, OrderFor(index, agent, wanted));
                }

                if (!isDone)
                    WakeAt(agent.OrderedAt + OrderPeriod);
            }
        }

        answered = null;
    }

    /// <summary>An order to thousands is repeated no sooner than all of them can have answered.</summary>
    private TimeSpan OrderPeriod => Later(RepeatPeriod, AnswerTime * agents.Count);

    /// <summary>Whoever can keep others alive is stopped first: the dead are waited for from then on.</summary>
    private IEnumerable<int> PanelFirst()
    {
        var panel = LeasePanel.Of(state!.Members.Count);
        return panel.Count == agents.Count ? agents.Keys : panel.Concat(agents.Keys.Except(panel));
    }

    private GangOrder OrderFor(int index, Agent agent, GangWish wish) => new()
    {
        Job = id,
        Incarnation = state!.Incarnation,
        Generation = state.Generation,
        Wish = wish,
        Boot = state.Members[index].Boot,
        Heard = agent.Report?.Sequence ?? 0,
        Spec = wish == GangWish.Prepare && agent.Report is null ? Spec : null,
        Seat = wish == GangWish.Prepare && agent.Report is null
            ? new GangSeat(index, state.Members.Count, state.Members[index].Gpus, (int)(state.Generation - 1 - state.NeverStarted))
            : null,
        Start = wish == GangWish.Run && agent.Report?.Phase == GangPhase.Ready && agents.Values.All(other => other.Report is not null)
            ? Start()
            : null,
        Reason = state.StopCause?.Text ?? "",
    };

    /// <summary>The same for everybody, from what the agents reported.</summary>
    private GangStart Start()
    {
        if (start is not null && startOf == state!.Generation)
            return start;
        var key = HMACSHA256.HashData(Encoding.UTF8.GetBytes(state!.Secret), Encoding.UTF8.GetBytes($"{id}/{state.Generation}"));
        startOf = state.Generation;
        return start = new GangStart(
            state.Members[0].Host, agents[0].Report!.MasterPort, Convert.ToBase64String(key),
            [.. LeasePanel.Of(state.Members.Count).Select(
                index => new GangPeer(index, $"{Bracketed(state.Members[index].Host)}:{agents[index].Report!.LeasePort}"))]);
    }

    private void Order(NodeId node, GangOrder order) => outputs.Send(GrainAddress.Of(node), new GangNodeOrdered(order));

    private static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;

    private static TimeSpan Sooner(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
