using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <content>A generation from its question to its plans: ask again, choose the state to go on from, plan, repeat what was not
/// obeyed.</content>
public sealed partial class TrainingJobMachine
{
    private void DecideRecovery()
    {
        if (stalled is not null)
            CheckStateTimeout();
        else if (!round.IsOpen)
            plans.RepeatIfDue();
        else if (!parking.IsParked)
            DecideRound();
    }

    private void DecideRound()
    {
        if (!round.IsComplete)
        {
            round.RepeatIfDue();
            return;
        }

        if (initialStates.IsPending)
            return;
        RankState[] answers = [.. round.Answers];
        var choice = search.Choose(answers);
        var timeline = choice.Source == StateSource.Kept ? choice.Timeline : State.Timeline;
        if (round.IsRecordComplete(timeline, records.Of(timeline, State.Timeline)))
            Plan(choice, answers);
    }

    private void Plan(StateChoice choice, RankState[] answers)
    {
        if (DecisionFor(choice, answers) is not { } decision)
        {
            stalled = search.WhatIsMissing();
            round.Close();
            context.Observe(EventKinds.JobWaiting, stalled, recovery.Cause);
            return;
        }

        search.ForgetAnswers();
        plans.Assign(decision.FirstStepShards, [.. answers.Select(answer => answer.Gpu)]);
        round.Close();
        for (var rank = 0; rank < answers.Length; rank++)
            plans.Add(PlanOf(rank, answers[rank].Gpu, choice, decision));
        context.Observe(
            EventKinds.GenerationPlanned, decision.Reason, recovery.Cause, step: decision.Target,
            durationMs: (Now - round.FormedAt).TotalMilliseconds,
            numbers: new SortedDictionary<string, double> { ["held"] = decision.HeldShards });
        context.Change(State with { Reason = decision.Reason });
        plans.Send();
        lastProgress = Now;
    }

    private RankPlan PlanOf(int rank, GpuId gpu, StateChoice choice, RecoveryDecision decision) => new()
    {
        Job = context.Id,
        Incarnation = State.Incarnation,
        Timeline = State.Timeline,
        Generation = State.Generation,
        Gpu = gpu,
        Rank = rank,
        FirstStep = decision.Target + 1,
        CatchUp = decision.Members[rank].Way,
        Donors = decision.Members[rank].Donors,
        StateTimeline = choice.Source == StateSource.Kept ? choice.Timeline : null,
        Checkpoint = decision.Members[rank].Way == CatchUp.LoadCheckpoint ? search.Restoring : null,
        RecordedThrough = records.Through,
        LastStep = State.Submitted is null ? null : State.Spec.Training.Steps,
        Device = offers.All.TryGetValue(gpu, out var offer) && offer.Device.Length > 0 ? offer.Device : State.Device,
        DeviceClass = State.DeviceClass ?? "",
    };

    /// <summary>The plan for what was chosen; null: the job waits.</summary>
    private RecoveryDecision? DecisionFor(StateChoice choice, IReadOnlyList<RankState> answers)
    {
        var training = State.Spec.Training;
        switch (choice.Source)
        {
            case StateSource.Present:
                search.NoteFound();
                return RecoveryPlanner.Plan(answers, training.Shards, training.Steps, State.Timeline, records.Through);
            case StateSource.Kept:
                search.NoteFound();
                Regain(choice, answers);
                return RecoveryPlanner.Plan(answers, training.Shards, training.Steps, choice.Timeline, recorded: 0);
            case StateSource.Checkpoint or StateSource.Seed:
                return Restore(choice.Source == StateSource.Seed ? null : search.NewestReadable, answers);
            default:
                return null;
        }
    }

    /// <summary>
    /// Goes on from a state that members have kept. What they have applied is recorded, of the timeline on which they did; so the new one
    /// begins behind it.
    /// </summary>
    private void Regain(StateChoice choice, IReadOnlyList<RankState> answers)
    {
        var holders = answers.Where(answer => answer.HasState && answer.Timeline == choice.Timeline).ToArray();
        var (applied, gpu) = holders.Select(answer => (answer.Applied, answer.Gpu)).MaxBy(holder => holder.Applied);
        var undone = BeginTimeline(Math.Max(State.Timeline, choice.Timeline) + 1, applied);
        context.Observe(
            EventKinds.StateRegained,
            $"{gpu} has kept the state of step {applied}, of timeline {choice.Timeline}: the job goes on from it"
                + (undone > 0 ? $", {undone} steps are computed again" : ""),
            recovery.Cause, gpu.Node, gpu, applied,
            numbers: new SortedDictionary<string, double> { ["undone"] = undone, ["timeline"] = choice.Timeline });
    }

    /// <summary>Goes back to a checkpoint, or to the seed where that is null. It is not known yet that it can be read.</summary>
    private RecoveryDecision Restore(CheckpointRef? checkpoint, IReadOnlyList<RankState> answers)
    {
        search.Restoring = checkpoint;
        var step = checkpoint?.Id.Step ?? 0;
        var newest = answers.Where(answer => answer.HasState).Select(answer => answer.Timeline).DefaultIfEmpty(0).Max();
        var undone = BeginTimeline(Math.Max(State.Timeline, newest) + 1, step);
        if (checkpoint is null)
            search.NoteFound();
        var to = checkpoint is null ? "no checkpoint was saved yet: begin again from the seed" : $"back to the checkpoint of step {step}";
        context.Observe(
            EventKinds.CheckpointRestored, $"no worker holds the state; {to}, {undone} steps are computed again", recovery.Cause,
            step: step,
            numbers: new SortedDictionary<string, double>
            {
                ["undone"] = undone,
                ["bytes"] = checkpoint?.Bytes ?? 0,
                ["timeline"] = checkpoint?.Id.Timeline ?? 0,
            });
        return RecoveryPlanner.Restore(answers, State.Spec.Training.Shards, State.Spec.Training.Steps, step, CanRead);

        bool CanRead(RankState answer) =>
            checkpoint is not null && search.MayRead(checkpoint.Id, new WorkerProcess(answer.Gpu.Node, answer.Boot));
    }

    /// <summary>A new timeline begins behind a step. Returns how many recorded steps are computed again.</summary>
    private long BeginTimeline(int timeline, long step)
    {
        var undone = records.BeginTimeline(State.Timeline, step);
        context.Persist(State with { Timeline = timeline, Recorded = records.Through });
        checkpoints.Abandon();
        return undone;
    }

    /// <summary>
    /// Fails the job once its state was out of reach for as long as it may be, and there is none to go back to. Where gpus are drained that
    /// it would look for its state on, it waits until they are given back: no job fails by a drain.
    /// </summary>
    private void CheckStateTimeout()
    {
        if (!search.IsHopeless)
            return;
        if (offers.IsHeldByDrains)
        {
            if (search.NoteHeldBack())
                context.Observe(EventKinds.JobWaiting, $"{offers.Shortage}; one of them may hold the job's state, so it waits", "drained");
            return;
        }

        if (search.EndHeldBack())
            return;
        var timeout = State.Spec.FaultTolerance.StateTimeout.TotalSeconds;
        var unreadable = State.Checkpoints.Count > 0 ? $", and none of its {State.Checkpoints.Count} checkpoints can be read" : "";
        FailForWantOfState(
            $"no worker with the state of step {records.Through} or later came back within {timeout:0} s "
            + $"(fault_tolerance.state_timeout){unreadable}");
    }
}
