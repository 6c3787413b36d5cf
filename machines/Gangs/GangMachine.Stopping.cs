using System.Globalization;
using Coordinator.Machines.Gangs.Policies;

namespace Coordinator.Machines.Gangs;

/// <content>Ends a generation: waits until all of it is dead, judges why it ended, and decides how to go on.</content>
public sealed partial class GangMachine
{
    /// <summary>Lost races for a port cost nothing, up to so many one after the other: more are no accident.</summary>
    private const int MostPortRaces = 10;

    /// <summary>Ends the generation. The cause is known now, or is judged from how its processes ended; the first one stays.</summary>
    private void Stop(GangFailure cause, GangStage? to)
    {
        if (state!.Stage == GangStage.Stopping)
        {
            if (to is null || state.StopTo is not null)
                return;
            state = state with { StopTo = to, StopCause = cause, Reason = cause.Text };
            isDirty = true;
            return;
        }

        var (ran, silent) = (now - stageAt, SilentFor());
        gotOn = state.Stage == GangStage.Running && RestartBudget.GotOn(Spec, state.BestStep, BestStep, ran, silent);
        state = state with
        {
            Stage = GangStage.Stopping,
            StopCause = cause,
            StopTo = to,
            Reason = cause.Text,
            BestStep = BestStep,
            Spent = gotOn ? 0 : state.Spent,
            NodeFailures = gotOn ? new SortedDictionary<string, int>(StringComparer.Ordinal) : state.NodeFailures,
        };
        isDirty = true;
        saidRunning = false;
        (stageAt, stageAwake) = (now, awake);
        Observe(EventKinds.GangStopping, $"generation {state.Generation} ends: {state.Reason}", cause.Node, cause.Cause);
    }

    private bool gotOn;

    private TimeSpan SilentFor() => agents.Values.Where(agent => agent.Report is not null)
        .Select(agent => now - agent.HeardAt!.Value + TimeSpan.FromMilliseconds(agent.Report!.SilentMs)).DefaultIfEmpty(TimeSpan.MaxValue)
            .Max();

    private void AwaitDeath()
    {
        foreach (var index in state!.Started ? agents.Keys : Enumerable.Empty<int>())
        {
            if (DeadAt(index) is not { } dead)
                continue;
            if (now >= dead)
                continue;
            WakeAt(dead);
            return;
        }

        Judge();
    }

    /// <summary>When a member's processes are dead without its word; null: it has said so.</summary>
    /// <remarks>
    /// It was answered last when its last report was heard, at the latest. Others may have answered it until they took part no more; where
    /// enough have said that they do not, those that may are no majority. Where they may be one, they keep each other going for as long as
    /// agents go on alone.
    /// </remarks>
    private TimeSpan? DeadAt(int index)
    {
        var agent = agents[index];
        if (agent.IsStopped)
            return null;
        var panel = LeasePanel.Of(state!.Members.Count);
        var answeredAt = agent.HeardAt ?? loadedAt;
        var open = panel.Count(member => agents[member].StoppingAt is null);
        if (open >= LeasePanel.Majority(panel.Count))
            return answeredAt + Later(Spec.Alone, Spec.Lease) + KillTime;
        var byPeers = panel.Select(member => agents[member].StoppingAt).OfType<TimeSpan>().DefaultIfEmpty().Max();
        return Later(answeredAt, byPeers) + Spec.Lease + KillTime;
    }

    private string WhyStopping(TimeSpan at)
    {
        var alive = agents.Where(pair => !pair.Value.IsStopped).ToArray();
        if (alive.Length == 0)
            return state!.Reason;
        var latest = alive.Select(pair => DeadAt(pair.Key)!.Value).Max();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{state!.Reason}; {state.Members[alive[0].Key].Node}{(alive.Length > 1 ? $" and {alive.Length - 1} more" : "")} may still run "
                + $"something, for {Math.Max(0, (latest - at).TotalSeconds):0} s at most");
    }

    private void Judge()
    {
        var failure = FailureOf();
        if (state!.StopTo == GangStage.Finished)
        {
            End(GangStage.Finished, "all processes ended well", 0);
            return;
        }

        if (state.StopTo == GangStage.Failed)
        {
            End(GangStage.Failed, failure.Text, failure.ExitCode);
            return;
        }

        Account(failure);
    }

    /// <summary>
    /// Why the generation ended. Whatever its processes' ends were is known best when all have stopped; a node that had vanished before the
    /// first of them explains them all. What was known when the end began stands where nothing else is known, as after this machine was
    /// loaded anew.
    /// </summary>
    private GangFailure FailureOf()
    {
        if (state!.StopCause is { Rank: null, Cause: not "node lost" } known)
            return known;
        var ends = (from pair in agents
                    from rank in pair.Value.Report?.Ranks ?? []
                    where rank.Exit is not null
                    select new FirstCause.End(
                        rank.Rank, state.Members[pair.Key].Node, rank.Gpu, pair.Value.EndedAt[rank.Rank], rank.Exit!)).ToArray();
        if (FirstCause.Of(ends) is not var (first, followed))
            return state.StopCause ?? new GangFailure(state.Generation, "exit", "a process ended");
        if (Vanished(first.At) is { } vanished)
            return vanished with { Followed = [first.Rank, .. followed] };
        var exit = first.Exit;
        var last = exit.Error.Length > 0 ? exit.Error : exit.LastLines.LastOrDefault(line => line.Length > 0) ?? "";
        return new GangFailure(
            state.Generation,
            exit.PortTaken ? "port taken" : exit.Hung ? "hang" : exit.Signal is null ? "exit" : "signal",
            $"rank {first.Rank} on {first.Node}: {exit.Text}{(last.Length > 0 ? $": {last}" : "")}")
        {
            Rank = first.Rank,
            Node = first.Node,
            Gpu = first.Gpu,
            ExitCode = exit.ShellCode,
            LastLines = exit.LastLines,
            Followed = followed,
            Counts = !exit.PortTaken || state.PortRaces >= MostPortRaces,
        };
    }

    /// <summary>
    /// A node that was heard last before the first end of a process elsewhere, or whose worker runs nothing of the generation any more.
    /// </summary>
    private GangFailure? Vanished(TimeSpan firstEnd)
    {
        if (state!.Stage != GangStage.Stopping)
            return null;
        foreach (var (index, agent) in agents)
        {
            var node = state.Members[index].Node;
            if (!agent.IsStopped && agent.HeardAt is { } heard && heard <= firstEnd + (Spec.Lease / 4))
                return new GangFailure(state.Generation, "node lost", $"{node} was not heard any more") { Node = node };
            if (agent.Report is { Phase: GangPhase.Stopped, Ranks.Count: 0 })
            {
                return new GangFailure(
                    state.Generation,
                    "worker ended",
                    $"{node} runs nothing of the generation: its worker was started again")
                { Node = node };
            }
        }

        return null;
    }

    private void Account(GangFailure failure)
    {
        var (spent, isOver) = RestartBudget.After(Spec, state!.Spent, gotOn, failure.Counts);
        var faults = new SortedDictionary<string, int>(state.NodeFailures.ToDictionary(), StringComparer.Ordinal);
        var leftOut = state.LeftOut;
        if (failure is { Counts: true, Node: { } node })
        {
            faults[node.Value] = faults.GetValueOrDefault(node.Value) + 1;
            var isWorst = faults.Values.Sum() == faults[node.Value] && state.Members.Count > 1;
            if ((failure.Cause == "refused" || (faults[node.Value] >= Spec.NodeFailures && (isWorst || state.Members.Count == 1)))
                && !leftOut.Contains(node))
            {
                leftOut = [.. leftOut, node];
                faults.Remove(node.Value);
                Observe(EventKinds.GangNode, $"{node} is left out: {failure.Text}", node, failure.Cause);
            }
        }

        Observe(
            EventKinds.GangFailure,
            $"generation {failure.Generation}: "
                + $"{failure.Text}{(failure.Followed.Count > 0 ? $"; {failure.Followed.Count} more ranks failed after it" : "")}",
            failure.Node,
            failure.Cause);
        state = state with
        {
            Spent = spent,
            NeverStarted = state.NeverStarted + (state.Started ? 0 : 1),
            PortRaces = failure.Cause == "port taken" ? state.PortRaces + 1 : 0,
            NodeFailures = faults,
            LeftOut = leftOut,
            Failures = [.. state.Failures.Append(failure).TakeLast(KeptFailures)],
            FirstFailure = state.FirstFailure ?? failure,
        };
        gotOn = false;
        if (isOver)
        {
            End(
                GangStage.Failed,
                state.Generation == 1
                    ? failure.Text
                    : $"{failure.Text}; it was tried {state.Generation} times, the last {spent} of them without getting on",
                failure.ExitCode ?? state.Failures.LastOrDefault(one => one.ExitCode is not null)?.ExitCode ?? 1);
            return;
        }

        state = state with
        {
            Stage = GangStage.Waiting,
            Members = [],
            StopCause = null,
            StopTo = null,
            Reason = $"starts again: {failure.Text}",
        };
        agents.Clear();
        isDirty = true;
        Observe(EventKinds.JobWaiting, state.Reason);
    }
}
