namespace Coordinator.Machines;

/// <content>Coming to the state of the plan's target step, and helping others to it.</content>
public sealed partial class RankMachine
{
    private readonly List<FrameHeader> stateRequests = [];
    private bool[]? fetching;
    private int fetchingLeft;
    private string? finalHash;

    /// <summary>The step whose state is hashed: a job may be given more steps meanwhile.</summary>
    private long hashedStep = -1;

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
                outputs.Add(new InitializeState(work.BeginWriting(StateTask.Initialising)));
                break;
            case Machines.CatchUp.LoadCheckpoint when plan.Checkpoint is { } checkpoint && checkpoint.Id.Step == Target:
                StopComputing();
                loading = plan;
                outputs.Add(new LoadState(work.BeginWriting(StateTask.Loading), checkpoint, VerifyFirst: Applied >= 0));
                break;
            case Machines.CatchUp.ApplyReduced or Machines.CatchUp.FetchReduced when isOfPlan && Applied == Target - 1:
                StopComputing();
                RequestReduced();
                ApplyIfWhole(Target);
                break;
            case Machines.CatchUp.FetchState:
                StopComputing();
                RequestState();
                break;
            default:
                OnDeviceFailed($"the plan of generation {Generation} says {plan.CatchUp} to step {Target}, and this rank has applied {Applied}", FaultKind.Worker);
                break;
        }
    }

    /// <summary>What takes the place of the state is there, or needs nothing but the seed.</summary>
    private void GiveUpState(RankPlan by)
    {
        DiscardState();
        EnterTimeline(by);
    }

    private void RequestReduced()
    {
        foreach (var donor in plan!.Donors)
            outputs.Add(new SendFrame(Header(FrameKind.ReducedRequest, donor.Rank, Target) with { Block = donor.Start, Count = donor.Count }, PayloadSource.None));
    }

    private void RequestState()
    {
        fetching = new bool[Options.StateBlocks];
        fetchingLeft = Options.StateBlocks;
        foreach (var donor in plan!.Donors)
            outputs.Add(new SendFrame(Header(FrameKind.StateRequest, donor.Rank, Target) with { Block = donor.Start, Count = donor.Count }, PayloadSource.None));
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

    private void OnStateFrame(FrameArrived frame)
    {
        var header = frame.Header;
        if (fetching is null || header.Step != Target || header.Block >= fetching.Length || fetching[header.Block])
        {
            outputs.Add(new ReleasePayload(frame.Payload));
            return;
        }

        // The donor serves only what it has verified or applied itself: from the first block on the state that was kept is of no more use.
        if (fetchingLeft == fetching.Length)
            GiveUpState(plan!);
        outputs.Add(new StoreState(frame.Payload, header));
        outputs.Add(new ReleasePayload(frame.Payload));
        fetching[header.Block] = true;
        if (--fetchingLeft > 0)
            return;
        fetching = null;
        Applied = Target;
        Caught();
    }

    /// <summary>Serves blocks of R that still carry the step asked for; the plan named this rank because it answered that it holds them.</summary>
    private void OnReducedRequest(FrameHeader request)
    {
        for (var block = request.Block; block < Math.Min(request.Block + (long)request.Count, tags.Length); block++)
        {
            if (tags[block] == request.Step)
                outputs.Add(new SendFrame(Header(FrameKind.Reduced, request.From, request.Step) with { Block = block }, PayloadSource.Reduced));
        }
    }

    /// <summary>
    /// Serves the state once it is at the step asked for. It stays at that step until the asker has contributed to the next one,
    /// since no block of R takes the next step without every member's contribution: no lease is needed.
    /// </summary>
    private void OnStateRequest(FrameHeader request)
    {
        if (Applied != request.Step || work.IsWriting || fetching is not null)
        {
            stateRequests.Add(request);
            return;
        }

        for (var block = request.Block; block < Math.Min(request.Block + (long)request.Count, Options.StateBlocks); block++)
            outputs.Add(new SendFrame(Header(FrameKind.State, request.From, request.Step) with { Block = block }, PayloadSource.State));
    }

    /// <summary>The rank has the state of the target step: others that waited for it are served, and the interrupted step goes on.</summary>
    private void Caught()
    {
        phase = Phase.Running;
        SaveIfDue();
        foreach (var request in stateRequests.ToArray())
        {
            stateRequests.Remove(request);
            OnStateRequest(request);
        }

        BeginStep();
    }

    private void Finish()
    {
        phase = Phase.Finished;
        if (finalHash is not null)
            Repeat(all: true);
        else if (!work.IsHashing || hashedStep != Applied)
        {
            hashedStep = Applied;
            outputs.Add(new HashState(work.BeginHashing()));
        }
    }

    private void OnStateHashed(long ticket, string sha256)
    {
        if (!work.EndHashing(ticket) || Applied != hashedStep)
            return;
        finalHash = sha256;
        if (phase == Phase.Finished)
            Repeat(all: true);
    }
}
