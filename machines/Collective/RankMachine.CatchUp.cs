namespace Coordinator.Machines;

/// <content>Coming to the state of the plan's target step, and helping others to it; saving it when the job asks.</content>
public sealed partial class RankMachine
{
    /// <summary>The plan under which a checkpoint is loaded.</summary>
    private RankPlan? loading;
    private CheckpointUnreadable? unreadable;

    /// <summary>T: the step that every member must have applied before the plan's first.</summary>
    private long Target => plan!.FirstStep - 1;

    private void CatchUp()
    {
        phase = Phase.CatchingUp;
        var isOfPlan = stateTimeline == plan!.Timeline;
        switch (plan.CatchUp)
        {
            case Machines.CatchUp.None when isOfPlan && Applied == Target:
                Caught();
                break;
            case Machines.CatchUp.Initialize when Target == 0:
                GiveUpState(plan);
                context.Do(new InitializeState(work.BeginWriting(StateTask.Initialising)));
                break;
            case Machines.CatchUp.LoadCheckpoint when plan.Checkpoint is { } checkpoint && checkpoint.Id.Step == Target:
                StopComputing();
                loading = plan;
                context.Do(new LoadState(work.BeginWriting(StateTask.Loading), checkpoint, VerifyFirst: Applied >= 0));
                break;
            case Machines.CatchUp.ApplyReduced or Machines.CatchUp.FetchReduced when isOfPlan && Applied == Target - 1:
                StopComputing();
                foreach (var donor in plan.Donors)
                {
                    context.Send(context.Header(FrameKind.ReducedRequest, donor.Rank, Target) with
                    {
                        Block = donor.Start,
                        Count = donor.Count,
                    });
                }
                ApplyIfWhole(Target);
                break;
            case Machines.CatchUp.FetchState:
                StopComputing();
                transfer.Begin(Target, plan.Donors);
                break;
            default:
                OnDeviceFailed(new DeviceFailed(
                    $"the plan of generation {Generation} says {plan.CatchUp} to step {Target}, and this rank has applied {Applied}",
                    FaultKind.Worker));
                break;
        }
    }

    /// <summary>What takes the place of the state is there, or needs nothing but the seed.</summary>
    private void GiveUpState(RankPlan by)
    {
        DiscardState();
        EnterTimeline(by);
    }

    private void OnStateInitialized(long ticket)
    {
        if (!IsStateWritten(ticket))
            return;
        Applied = 0;
        if (answerOwed)
            Answer();
        else if (phase == Phase.CatchingUp)
            Caught();
    }

    private void OnStateLoaded(StateLoaded done)
    {
        if (!IsStateWritten(done.Ticket))
            return;
        var checkpoint = loading!.Checkpoint!.Id;
        if (done.Failure is null || done.IsStateTouched)
            GiveUpState(loading);
        if (done.Failure is null)
        {
            Applied = checkpoint.Step;
        }
        else if (phase == Phase.CatchingUp || (phase == Phase.Promised && !done.IsGivenUp))
        {
            var report = new CheckpointUnreadable
            {
                Job = Options.Job,
                Generation = Generation,
                Gpu = Options.Gpu,
                Checkpoint = checkpoint,
                Detail = done.Failure,
            };
            if (phase == Phase.CatchingUp)
            {
                unreadable = report;
                Repeat(all: true);
                return;
            }

            // Asked meanwhile, it says so once, before its answer: else the next plan might send it to the same checkpoint. Not of one
            // whose reading was only cut short for the answer: all ranks may be asked at once, where all storage is slow, and a checkpoint
            // that nobody has found bad would then be nobody's any more.
            context.Tell(report);
        }

        if (answerOwed)
            Answer();
        else if (phase == Phase.CatchingUp && Applied == Target)
            Caught();
    }

    private void OnStateFrame(FrameArrived frame)
    {
        var header = frame.Header;
        if (header.Step != Target || !transfer.Lacks(header.Block))
        {
            context.Release(frame.Payload);
            return;
        }

        // The donor serves only what it has verified or applied itself: from the first block on the state that was kept is of no more use.
        if (transfer.IsUntouched)
            GiveUpState(plan!);
        context.Do(new StoreState(frame.Payload, header));
        context.Release(frame.Payload);
        if (!transfer.Add(header.Block))
            return;
        Applied = Target;
        Caught();
    }

    /// <summary>
    /// Serves blocks of R that still carry the step asked for; the plan named this rank because it answered that it holds them.
    /// </summary>
    private void OnReducedRequest(FrameHeader request)
    {
        for (var block = request.Block; block < Math.Min(request.Block + (long)request.Count, tags.Count); block++)
        {
            if (tags[block] == request.Step)
                SendReduced(request.From, request.Step, block);
        }
    }

    /// <summary>
    /// Serves the state once it is at the step asked for. It stays at that step until the asker has contributed to the next one,
    /// since no block of R takes the next step without every member's contribution: no lease is needed.
    /// </summary>
    private void OnStateRequest(FrameHeader request)
    {
        if (Applied != request.Step || work.IsWriting || transfer.IsFetching)
            transfer.Postpone(request);
        else
            transfer.Serve(request);
    }

    /// <summary>
    /// The rank has the state of the target step: others that waited for it are served, and the interrupted step goes on.
    /// </summary>
    private void Caught()
    {
        phase = Phase.Running;
        saving.SaveIfDue(Applied);
        foreach (var request in transfer.TakeRequests())
            OnStateRequest(request);
        BeginStep();
    }

    private void OnSaveOrdered(SaveCheckpoint order)
    {
        var id = order.Checkpoint;
        if (order.Job != Options.Job || order.Incarnation < context.Incarnation || id.Generation > Generation || saving.IsUnderWay(id)
            || saving.RepeatSaved(id))
        {
            return;
        }
        if (id.Generation < Generation || id.Timeline != context.Timeline || !IsUnderPlan || Applied > id.Step
            || (Applied == id.Step && work.IsWriting))
        {
            saving.Fail(id, $"the order came when step {Applied} was applied", isLate: true);
            return;
        }

        saving.Order(id);
        if (phase == Phase.Running)
            saving.SaveIfDue(Applied);
    }
}
