namespace Coordinator.Machines;

/// <content>One step: computing, contributing, finishing the own slice, applying.</content>
public sealed partial class RankMachine
{
    private long LastStep => plan!.LastStep ?? Options.Steps;

    private ShardCut CutOf(long step) => step == plan!.FirstStep ? cuts!.First : cuts!.Later;

    private void BeginStep()
    {
        var step = Applied + 1;
        if (Applied == LastStep)
        {
            Finish();
            return;
        }

        var cut = CutOf(step);
        window.Close();
        if (step == plan!.FirstStep)
            tags.Forget(step);
        window.Begin();
        held.Restrict(cut.CoverOf(context.Rank));
        shards.Begin(step, cut.SpansOf(context.Rank), held.Has);
        KeepWhatWasComputed();
        ComputeNext();
    }

    /// <summary>
    /// A shard that was being computed when the promise was given is kept if it is still this rank's, and else cancelled.
    /// </summary>
    private void KeepWhatWasComputed()
    {
        if (!work.IsComputing)
            return;
        if (!shards.MoveToHead(work.Shard))
            CancelComputing();
        else if (work.HasGradient)
            Keep();
    }

    private void ComputeNext()
    {
        if (work.IsComputing || phase != Phase.Running)
            return;
        if (shards.TryPeek(out var shard))
        {
            context.Do(new ComputeShard(work.BeginComputing(shard), Applied + 1, shard));
            return;
        }

        Contribute();
    }

    private void OnShardComputed(long done)
    {
        // Between promise and plan P does not change; the plan decides what becomes of the gradient.
        if (!work.TakeGradient(done) || phase != Phase.Running)
            return;
        Keep();
        ComputeNext();
    }

    private void Keep()
    {
        shards.Dequeue();
        var leaf = Subtree.Leaf(work.Shard);
        context.Do(new KeepGradient(work.KeepGradient(), leaf));
        held.Add(leaf, CutOf(Applied + 1).CoverOf(context.Rank));
    }

    private void StopComputing()
    {
        shards.Clear();
        CancelComputing();
    }

    /// <summary>What is being computed is no longer wanted; what is still to be computed stays queued.</summary>
    private void CancelComputing()
    {
        if (work.CancelComputing())
            context.Do(new CancelComputing());
    }

    private void Contribute()
    {
        window.Open();
        var step = Applied + 1;
        var cover = CutOf(step).CoverOf(context.Rank);
        if (cover.Count == 0)
        {
            foreach (var owner in window.Owners)
            {
                if (owner != context.Rank)
                    context.Send(context.Header(FrameKind.Ready, owner, step));
            }
        }

        window.Send(step, cover);
        ReduceWhatIsThere();
    }

    private void OnFrame(FrameArrived frame)
    {
        var header = frame.Header;
        if (!context.Concerns(header))
        {
            context.Release(frame.Payload);
            return;
        }

        if (phase == Phase.Promised)
        {
            // The sender has its plan already; this rank's is on its way. Bounded by the senders' windows.
            waitingFrames.Add(frame);
            return;
        }

        if (plan is null || phase is Phase.Idle or Phase.Faulted || header.Timeline != context.Timeline)
        {
            context.Release(frame.Payload);
            return;
        }

        switch (header.Kind)
        {
            case FrameKind.Contribution:
                OnContribution(frame);
                return;
            case FrameKind.Reduced:
                OnReduced(frame);
                return;
            case FrameKind.State:
                OnStateFrame(frame);
                return;
            case FrameKind.Ready:
                OnReady(header);
                break;
            case FrameKind.Credit:
                OnCredit(header);
                break;
            case FrameKind.ReducedRequest:
                OnReducedRequest(header);
                break;
            case FrameKind.StateRequest:
                OnStateRequest(header);
                break;
        }

        context.Release(frame.Payload);
    }

    /// <summary>
    /// The steps that contributions may be for: the one that this rank is at, and the next, which faster members may have begun; none
    /// behind the last.
    /// </summary>
    private bool MayGather(long step)
    {
        var current = phase == Phase.CatchingUp ? plan!.FirstStep : Applied + 1;
        return (step == current || step == current + 1) && step <= LastStep;
    }

    private StepGather GatherOf(long step) => gathers.Of(step, CutOf(step));

    private void OnContribution(FrameArrived frame)
    {
        var header = frame.Header;
        var inSlice = header.Block >= context.SliceStart(context.Rank) && header.Block < context.SliceStart(context.Rank + 1);
        if (!MayGather(header.Step) || !inSlice || header.From == context.Rank
            || !CutOf(header.Step).CoverOf(header.From).Contains(header.Subtree)
            || !GatherOf(header.Step).Add(header.Block, header.Subtree, frame.Payload))
        {
            context.Release(frame.Payload);
            AccuseRank(header.From, $"contribution {header.Subtree} to block {header.Block} of step {header.Step} does not belong here");
            return;
        }

        context.Do(new StageContribution(frame.Payload, header));
        if (header.Step == Applied + 1)
            ReduceIfComplete(header.Block, GatherOf(header.Step));
    }

    private void OnReady(FrameHeader header)
    {
        if (!MayGather(header.Step) || CutOf(header.Step).CoverOf(header.From).Count > 0 || !GatherOf(header.Step).AddReady(header.From))
        {
            AccuseRank(header.From, $"rank {header.From} has nothing to add to step {header.Step}, yet the plan gives it shards");
            return;
        }

        ReduceWhatIsThere();
    }

    private void OnCredit(FrameHeader header)
    {
        if (phase != Phase.Running || header.Step != Applied + 1 || header.Block > context.SliceStart(header.From + 1))
            return;
        if (window.Take(header.From, header.Block))
            window.Send(header.Step, CutOf(header.Step).CoverOf(context.Rank));
    }

    private void ReduceWhatIsThere()
    {
        if (!window.IsOpen || phase != Phase.Running || work.IsWriting)
            return;
        var gather = GatherOf(Applied + 1);
        for (var block = context.SliceStart(context.Rank); block < context.SliceStart(context.Rank + 1) && phase == Phase.Running
            && !work.IsWriting; block++)
        {
            ReduceIfComplete(block, gather);
        }
        if (phase == Phase.Running && !work.IsWriting)
            ApplyIfWhole(Applied + 1);
    }

    private void ReduceIfComplete(int block, StepGather gather)
    {
        var step = gather.Step;
        if (!window.IsOpen || phase != Phase.Running || work.IsWriting || tags[block] == step)
            return;
        var cut = CutOf(step);
        var own = cut.CoverOf(context.Rank).Count;
        if (gather.CountOf(block) != cut.Parts.Count - own || gather.ReadyCount != cut.Silent - (own == 0 ? 1 : 0))
            return;
        var parts = gather.Take(block);
        context.Do(new ReduceBlock(block, step, parts));
        foreach (var part in parts)
        {
            if (part.Payload != 0)
                context.Release(part.Payload);
        }

        tags[block] = step;
        for (var i = 1; i < context.RankCount; i++)
            SendReduced((context.Rank + i) % context.RankCount, step, block);
        window.Grant(step, tags, cut);
        ApplyIfWhole(step);
    }

    private void SendReduced(int to, long step, int block) =>
        context.Do(new SendFrame(context.Header(FrameKind.Reduced, to, step) with { Block = block }, PayloadSource.Reduced));

    private void OnReduced(FrameArrived frame)
    {
        var header = frame.Header;
        var wanted = phase == Phase.CatchingUp ? Target : Applied + 1;
        if (work.IsWriting || transfer.IsFetching || header.Step != wanted || Applied != wanted - 1 || header.Block >= tags.Count
            || tags[header.Block] == header.Step)
        {
            context.Release(frame.Payload);
            return;
        }

        context.Do(new StoreReduced(frame.Payload, header));
        context.Release(frame.Payload);
        tags[header.Block] = header.Step;
        ApplyIfWhole(header.Step);
    }

    /// <summary>The optimizer starts when all blocks of R carry the step, since the gradient's norm needs them all.</summary>
    private void ApplyIfWhole(long step)
    {
        if (!work.IsWriting && tags.IsWhole(step))
            context.Do(new ApplyStep(work.BeginWriting(StateTask.Applying), step, Generation));
    }

    private void OnStepFinished(long ticket, long step)
    {
        if (!IsStateWritten(ticket))
            return;
        Applied = step;
        hash.Clear();

        // Only now may P be overwritten: until here an owner might have died with what it had gathered.
        held.Drop();
        window.Close();
        gathers.ReleaseBefore(step + 1);
        switch (phase)
        {
            case Phase.Promised when answerOwed:
                Answer();
                break;
            case Phase.CatchingUp:
                Caught();
                break;
            case Phase.Running:
                saving.SaveIfDue(Applied);
                if (!advanced)
                {
                    advanced = true;
                    context.Tell(Progress());
                }

                BeginStep();
                break;
        }
    }

    /// <summary>
    /// Whether the device has written the state that was waited for. Where that was given up meanwhile, an answer that had to wait for the
    /// device is given now; where the word is of work that had ended already, nothing follows.
    /// </summary>
    private bool IsStateWritten(long ticket)
    {
        var end = work.EndWriting(ticket);
        if (end == WorkEnd.Discarded && answerOwed)
            Answer();
        return end == WorkEnd.Done;
    }

    private void Finish()
    {
        phase = Phase.Finished;
        if (hash.Value is not null)
            Repeat(all: true);
        else if (hash.Begin(Applied, work.IsHashing))
            context.Do(new HashState(work.BeginHashing()));
    }

    private void OnStateHashed(StateHashed hashed)
    {
        if (work.EndHashing(hashed.Ticket) && hash.End(Applied, hashed) && phase == Phase.Finished)
            Repeat(all: true);
    }
}
