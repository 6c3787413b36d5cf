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
            return;
        }

        if (agents.Values.All(agent => agent.Report?.Phase is GangPhase.Ready or GangPhase.Running))
        {
            state = state! with { Stage = GangStage.Running, Started = true };
            isDirty = true;
            Observe(EventKinds.GenerationPlanned, $"generation {state.Generation} starts its processes", durationMs: (now - stageAt).TotalMilliseconds);
        }
    }

    private void Run()
    {
        var ranks = agents.Values.SelectMany(agent => agent.Report?.Ranks ?? []).ToArray();
        if (ranks.Any(rank => rank.Exit is { IsSuccess: false }))
        {
            Stop(null, null);
            return;
        }

        if (FindLoss() is { } loss)
        {
            Stop(loss, null);
            return;
        }

        if (ranks.Length == Spec.RanksOn(state!.Members.Count) && ranks.All(rank => rank.Exit is { IsSuccess: true }))
        {
            Stop(new GangFailure(state.Generation, "done", "all processes ended well"), GangStage.Finished);
            return;
        }

        if (!saidRunning && agents.Values.All(agent => agent.Report?.Phase == GangPhase.Running) && ranks.All(rank => rank.ProcessId > 0 || rank.Exit is not null))
        {
            saidRunning = true;
            Observe(EventKinds.GenerationRunning, $"generation {state.Generation}: all {ranks.Length} processes run", durationMs: (now - stageAt).TotalMilliseconds);
        }
    }

    private bool saidRunning;

    /// <summary>
    /// A member without which the others cannot go on. One that is not heard for most of its lease is lost: it may be alive, which is why the next
    /// generation waits for the lease's end, and the others need not be kept waiting meanwhile.
    /// </summary>
    private GangFailure? FindLoss()
    {
        foreach (var (index, agent) in agents)
        {
            var member = state!.Members[index];
            if (agent.Report is { Phase: GangPhase.Refused } refused)
                return new GangFailure(state.Generation, "refused", $"{member.Node} cannot take part: {refused.Detail}") { Node = member.Node, Counts = true };
            if (agent.Report is { Phase: GangPhase.Stopping or GangPhase.Stopped } stopped && stopped.Ranks.All(rank => rank.Exit is null or { Asked: true } or { IsSuccess: true }))
                return new GangFailure(state.Generation, stopped.Ranks.Count == 0 ? "worker ended" : "node stopped", $"{member.Node} runs nothing of the generation{(stopped.Detail.Length > 0 ? $": {stopped.Detail}" : ": its worker was started again")}") { Node = member.Node };
            if (offers.Any(offer => offer.Gpu.Node == member.Node && member.Gpus.Contains(offer.Gpu.Index) && (offer.GiveBack is not null || (!offer.Up && offer.NodeUp is true))))
                return new GangFailure(state.Generation, "gpus given back", $"{member.Node}: {offers.First(offer => offer.Gpu.Node == member.Node && (offer.GiveBack is not null || !offer.Up)).GiveBack ?? "a gpu is out of service"}") { Node = member.Node };
            if (state.Stage == GangStage.Preparing && offers.Any(offer => offer.Gpu.Node == member.Node && offer.NodeUp is false))
                return new GangFailure(state.Generation, "node lost", $"{member.Node} is out of reach") { Node = member.Node };
            var lostAt = (agent.HeardAt ?? Later(stageAt, loadedAt)) + LostAfter;
            if (now >= lostAt)
                return new GangFailure(state.Generation, "node lost", $"{member.Node} was not heard for {LostAfter.TotalSeconds:0.#} s") { Node = member.Node };
            WakeAt(lostAt);
        }

        return null;
    }

    private TimeSpan LostAfter => Spec.Lease * 0.8;

    /// <summary>Orders every member: at once where it has to do something else than it was told last, and again until it is seen to have done it.</summary>
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
            foreach (var (index, agent) in agents)
            {
                var isDone = wanted switch
                {
                    GangWish.Prepare => agent.Report?.Phase is GangPhase.Preparing or GangPhase.Ready or GangPhase.Running,
                    GangWish.Run => agent.Report?.Phase is GangPhase.Running,
                    _ => agent.IsStopped,
                };
                if (agent.Ordered != wanted || answered == index || (!isDone && now >= agent.OrderedAt + RepeatPeriod))
                {
                    (agent.Ordered, agent.OrderedAt) = (wanted, now);
                    Order(state.Members[index].Node, OrderFor(index, agent, wanted));
                }

                if (!isDone)
                    WakeAt(agent.OrderedAt + RepeatPeriod);
            }
        }

        answered = null;
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
        Seat = wish == GangWish.Prepare && agent.Report is null ? new GangSeat(index, state.Members.Count, state.Members[index].Gpus, (int)state.Generation - 1) : null,
        Start = wish == GangWish.Run && agent.Report?.Phase == GangPhase.Ready ? Start() : null,
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
            [.. LeasePanel.Of(state.Members.Count).Select(index => new GangPeer(index, $"{Bracketed(state.Members[index].Host)}:{agents[index].Report!.LeasePort}"))]);
    }

    private void Order(NodeId node, GangOrder order) => outputs.Send(GrainAddress.Of(node), new GangNodeOrdered(order));

    private static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
