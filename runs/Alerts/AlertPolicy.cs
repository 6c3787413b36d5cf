using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Runs.Alerts;

/// <summary>
/// Decides what is told: a condition that has held for its time is told once, and once more when it is over. A look at which nobody could
/// be asked says nothing of what it could not see: unknown is not gone, and no alert ends by it. It has no clock and asks nobody.
/// </summary>
public sealed class AlertPolicy(AlertRules rules)
{
    /// <summary>Phases in which a job is to get on.</summary>
    private static readonly HashSet<string> Training = ["running", "forming"];

    private readonly Dictionary<(AlertRule Rule, string Subject), Condition> conditions = [];

    /// <summary>Failures that count against a job or a node, with their times; what happens in one generation is one.</summary>
    private readonly Dictionary<(AlertRule Rule, string Subject, string Incident), DateTimeOffset> offences = [];

    /// <summary>Generations of jobs that failures have ended, each with the time of the first one.</summary>
    private readonly Dictionary<string, DateTimeOffset> interrupted = [];
    private readonly HashSet<(AlertRule Rule, string Subject)> seen = [];
    private readonly List<Alert> told = [];
    private DateTimeOffset now;

    private sealed record Condition(DateTimeOffset Since, object? Stamp, string Text, bool IsTold);

    /// <summary>What is told after a look, in order.</summary>
    public IReadOnlyList<Alert> Take(ClusterLook look, DateTimeOffset at)
    {
        now = at;
        told.Clear();
        seen.Clear();
        foreach (var (silo, why) in look.Lost)
            Hold(AlertRule.SiloLost, silo, $"the silo {silo} does not answer: {why}");
        foreach (var (silo, why) in look.Unwell)
            Hold(AlertRule.StorageAway, silo, $"the silo {silo} is not well: {why}");
        foreach (var job in look.Jobs ?? [])
            Look(job, look.FreeGpus);
        foreach (var gang in look.Gangs ?? [])
            Look(gang);
        if (look.Power is { UsableWatts: > 0 and var usable } power && rules[AlertRule.PowerNearCap] is { } near
            && power.DrawWatts >= near.Share * usable)
        {
            Hold(AlertRule.PowerNearCap, "site", $"the site draws {power.DrawWatts} of {usable} W");
        }

        foreach (var (when, happened) in look.Events)
            Note(when, happened);
        Count(AlertRule.RestartStorm, job => $"{job} was interrupted by failures");
        Count(AlertRule.SuspectNode, node => $"failures began at {node}");
        foreach (var old in interrupted.Where(one => now - one.Value > rules.Longest).ToArray())
            interrupted.Remove(old.Key);
        EndOthers(look);
        return [.. told];
    }

    private void Look(JobView job, int? free)
    {
        var isTraining = Training.Contains(job.Phase);
        if (isTraining)
        {
            Hold(
                AlertRule.StalledProgress, job.Id.Value, $"{job.Id} has recorded no step behind {job.Recorded}: {job.Reason}",
                job.Recorded);
        }

        var isShort = (isTraining || job.Phase == "waiting") && job.Members.Count < job.Spec.Ranks;
        if (isShort && free == 0)
        {
            Hold(
                AlertRule.SparesExhausted, job.Id.Value,
                $"{job.Id} has {job.Members.Count} of {job.Spec.Ranks} ranks, and no gpu is free");
        }

        if (isTraining && job is { Recorded: > 0, Members.Count: 1, Spec.Ranks: > 1 })
            Hold(AlertRule.OneHolder, job.Id.Value, $"{job.Members[0].Gpu} alone holds the state of {job.Id}");
        if (job.Phase == "running" && job.Spec.Checkpoint.Interval != "off")
        {
            var newest = job.Checkpoints is [.., var last] ? last.Id.Step : 0;
            Hold(
                AlertRule.CheckpointAge, job.Id.Value,
                newest > 0 ? $"{job.Id} is at step {job.Recorded}, and its newest checkpoint is of step {newest}"
                    : $"{job.Id} is at step {job.Recorded} and has no checkpoint", newest);
        }

        if (job.Phase == "running" && job.Loss is { } loss && !double.IsFinite(loss))
            Hold(AlertRule.LossNotFinite, job.Id.Value, $"the loss of {job.Id} at step {job.Recorded} is {loss}");
    }

    private void Look(GangView gang)
    {
        if (gang.Phase == "running" && gang.Step is { } step)
            Hold(AlertRule.StalledProgress, gang.Id.Value, $"{gang.Id} has told no step behind {step}", step);
        var isOver = gang.Phase is "finished" or "failed";
        if (!isOver && gang.Restarts > 0 && gang.RestartsLeft <= rules[AlertRule.RestartBudgetLow]?.Count)
        {
            Hold(
                AlertRule.RestartBudgetLow, gang.Id.Value,
                $"{gang.Id} has restarted {gang.Restarts} times and has {gang.RestartsLeft} left");
        }
    }

    /// <summary>It is so now. It is told once it has been so, with the same stamp, for the rule's time.</summary>
    private void Hold(AlertRule rule, string subject, string text, object? stamp = null)
    {
        if (rules[rule] is not { } limit)
            return;
        var key = (rule, subject);
        seen.Add(key);
        var known = conditions.GetValueOrDefault(key);
        if (known is not null && !Equals(known.Stamp, stamp))
        {
            End(key, known);
            known = null;
        }

        var condition = known ?? new Condition(now, stamp, text, IsTold: false);
        if (!condition.IsTold && now - condition.Since >= limit.Time)
        {
            condition = condition with { IsTold = true };
            told.Add(new Alert(rule, subject, text, now));
        }

        conditions[key] = condition with { Text = text };
    }

    /// <summary>What was not seen, and could have been, is over.</summary>
    private void EndOthers(ClusterLook look)
    {
        foreach (var (key, condition) in conditions.Where(one => !seen.Contains(one.Key) && CouldBeSeen(one.Key.Rule, look)).ToArray())
        {
            conditions.Remove(key);
            End(key, condition);
        }
    }

    private void End((AlertRule Rule, string Subject) key, Condition condition)
    {
        if (condition.IsTold)
            told.Add(new Alert(key.Rule, key.Subject, condition.Text, now, IsOver: true));
    }

    private static bool CouldBeSeen(AlertRule rule, ClusterLook look) =>
        rule == AlertRule.SiloLost || rule == AlertRule.StorageAway || rule == AlertRule.RestartStorm || rule == AlertRule.SuspectNode
        || (rule == AlertRule.PowerNearCap ? look.Power is not null
            : rule == AlertRule.RestartBudgetLow ? look.Gangs is not null
            : look.Jobs is not null && look.Gangs is not null && look.FreeGpus is not null);

    private void Note(DateTimeOffset at, CoordinatorEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKinds.GangFailure when GangFailure.IsWanted(happened.Cause):
                break;
            case EventKinds.RankExcluded or EventKinds.GangFailure when happened.Job is { } job:
                var incident = $"{job} {happened.Generation}";
                if (interrupted.TryAdd(incident, at) && happened.Node is { } node)
                    Offend(AlertRule.SuspectNode, node.Value, at, incident);
                Offend(AlertRule.RestartStorm, job.Value, at, incident);
                break;
            case EventKinds.GpuHealth when happened.Text.Contains(" is quarantined ", StringComparison.Ordinal):
                Offend(AlertRule.SuspectNode, happened.Node!.Value.Value, at, $"{happened.Gpu} {at:O}");
                break;
            case EventKinds.NodeSetAside when happened.Node is { } set:
                Offend(AlertRule.SuspectNode, set.Value, at, $"{set} {at:O}");
                break;
            case EventKinds.JobFailed when happened.Job is { } failed && happened.Cause != "cancelled":
                Tell(happened.Cause == FailureCause.Numbers ? AlertRule.LossNotFinite : AlertRule.JobFailed, failed.Value,
                    $"{failed} has failed: {happened.Text}");
                break;
        }
    }

    /// <summary>Something that happened, and is not over at any time.</summary>
    private void Tell(AlertRule rule, string subject, string text)
    {
        if (rules[rule] is not null)
            told.Add(new Alert(rule, subject, text, now));
    }

    private void Offend(AlertRule rule, string subject, DateTimeOffset at, string incident)
    {
        if (rules[rule] is not null)
            offences.TryAdd((rule, subject, incident), at);
    }

    private void Count(AlertRule rule, Func<string, string> text)
    {
        if (rules[rule] is not { } limit)
            return;
        foreach (var old in offences.Where(one => one.Key.Rule == rule && now - one.Value > limit.Time).ToArray())
            offences.Remove(old.Key);
        foreach (var (subject, count) in offences.Keys.Where(one => one.Rule == rule).CountBy(one => one.Subject))
        {
            if (count >= limit.Count)
                Standing(rule, subject, $"{text(subject)} {count} times in {limit.Time.TotalMinutes:0.#} min");
        }
    }

    /// <summary>A count is high: it is told at once, since its time is in it.</summary>
    private void Standing(AlertRule rule, string subject, string text)
    {
        var key = (rule, subject);
        seen.Add(key);
        if (conditions.TryAdd(key, new Condition(now, null, text, IsTold: true)))
            told.Add(new Alert(rule, subject, text, now));
    }
}
