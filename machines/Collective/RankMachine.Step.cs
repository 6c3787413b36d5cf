namespace Coordinator.Machines;

/// <content>One step: computing, contributing, finishing the own slice, applying.</content>
public sealed partial class RankMachine
{
    private readonly SortedDictionary<long, StepGather> gathers = [];
    private readonly Queue<int> shardsToCompute = [];

    private GenerationCuts? cuts;
    private int[] owners = [];
    private IReadOnlyList<ShardSpan> myShards = [];
    private long stepOfShards = -1;
    private bool contributing;
    private bool advanced;
    private int[] cursors = [];
    private int[] credits = [];
    private int granted;

    private int RankCount => members!.Members.Count;

    private int SliceStart(int of) => SliceMap.Start(Options.ReducedBlocks, RankCount, of);

    private ShardCut CutOf(long step) => step == plan!.FirstStep ? cuts!.First : cuts!.Later;

    /// <summary>Shard maps of the plan, which the ranks of a worker share where their host made them, and the ranks that own a slice.</summary>
    private void ComputeMaps(GenerationCuts? made)
    {
        cuts = made ?? GenerationCuts.Of(Options.Shards, RankCount, plan!.FirstStepShards);
        owners = Options.ReducedBlocks >= RankCount
            ? [.. Enumerable.Range(0, RankCount)]
            : [.. Enumerable.Range(0, Options.ReducedBlocks).Select(block => SliceMap.OwnerOf(Options.ReducedBlocks, RankCount, block))];
    }

    private void BeginStep()
    {
        var step = Applied + 1;
        if (Applied == lastStep)
        {
            Finish();
            return;
        }

        var cut = CutOf(step);
        myShards = cut.SpansOf(rank);
        stepOfShards = step;
        contributing = false;
        if (step == plan!.FirstStep)
            ForgetUnfinishedReduction(step);
        Array.Resize(ref cursors, owners.Length);
        Array.Resize(ref credits, owners.Length);
        for (var i = 0; i < owners.Length; i++)
        {
            cursors[i] = SliceStart(owners[i]);
            credits[i] = FirstCredit(owners[i]);
        }

        granted = FirstCredit(rank);
        var cover = cut.CoverOf(rank);
        foreach (var subtree in held.Where(mine => !cover.Any(wanted => wanted.Contains(mine))).ToArray())
        {
            held.Remove(subtree);
            outputs.Add(new DropSubtree(subtree));
        }

        MergeHeld(cover);
        shardsToCompute.Clear();
        foreach (var shard in myShards.SelectMany(span => Enumerable.Range(span.Start, span.Count)))
        {
            if (!held.Any(subtree => subtree.Contains(Subtree.Leaf(shard))))
                shardsToCompute.Enqueue(shard);
        }

        KeepWhatWasComputed();
        ComputeNext();
    }

    /// <summary>Blocks of an owner's slice that may be sent before it has granted any.</summary>
    private int FirstCredit(int owner) => Math.Min(SliceStart(owner + 1), SliceStart(owner) + Options.WindowBlocks);

    /// <summary>
    /// Blocks of R that took the interrupted step under an older generation are reduced again: their new owners must hand them to
    /// members that lack them. Not all of R can carry that step, or it would have been the plan's target.
    /// </summary>
    private void ForgetUnfinishedReduction(long step)
    {
        for (var block = 0; block < tags.Length; block++)
        {
            if (tags[block] == step)
                tags[block] = 0;
        }
    }

    /// <summary>Subtrees that were finished apart, and lie beside each other inside one that is wanted now, are added up.</summary>
    private void MergeHeld(IReadOnlyList<Subtree> cover)
    {
        foreach (var subtree in held.ToArray())
            MergeUp(subtree, cover);
    }

    private void MergeUp(Subtree subtree, IReadOnlyList<Subtree> cover)
    {
        while (held.Contains(subtree) && held.Contains(subtree.Sibling) && cover.Any(wanted => wanted.Contains(subtree.Parent)))
        {
            var (left, right) = subtree.IsLeft ? (subtree, subtree.Sibling) : (subtree.Sibling, subtree);
            outputs.Add(new MergeSubtrees(left, right));
            held.Remove(left);
            held.Remove(right);
            subtree = subtree.Parent;
            held.Add(subtree);
        }

        if (held.Contains(subtree) && cover.Contains(subtree))
            outputs.Add(new PublishSubtree(subtree));
    }

    /// <summary>A shard that was being computed when the promise was given is kept if it is still this rank's, and else cancelled.</summary>
    private void KeepWhatWasComputed()
    {
        if (!work.IsComputing)
            return;
        var shardUnderWay = work.Shard;
        if (!shardsToCompute.Contains(shardUnderWay))
        {
            CancelComputing();
            return;
        }

        // It is under way: it goes to the head of the queue, so that its answer is the next one expected.
        var others = shardsToCompute.Where(shard => shard != shardUnderWay).ToArray();
        shardsToCompute.Clear();
        shardsToCompute.Enqueue(shardUnderWay);
        foreach (var shard in others)
            shardsToCompute.Enqueue(shard);
        if (work.HasGradient)
            Keep();
    }

    private void ComputeNext()
    {
        if (work.IsComputing || phase != Phase.Running)
            return;
        if (shardsToCompute.TryPeek(out var shard))
        {
            outputs.Add(new ComputeShard(work.BeginComputing(shard), Applied + 1, shard));
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
        shardsToCompute.Dequeue();
        var leaf = Subtree.Leaf(work.Shard);
        outputs.Add(new KeepGradient(work.KeepGradient(), leaf));
        held.Add(leaf);
        MergeUp(leaf, CutOf(Applied + 1).CoverOf(rank));
    }

    private void StopComputing()
    {
        shardsToCompute.Clear();
        CancelComputing();
    }

    /// <summary>What is being computed is no longer wanted; what is still to be computed stays queued.</summary>
    private void CancelComputing()
    {
        if (work.CancelComputing())
            outputs.Add(new CancelComputing());
    }

    private void Contribute()
    {
        contributing = true;
        var step = Applied + 1;
        if (CutOf(step).CoverOf(rank).Count == 0)
        {
            foreach (var owner in owners)
            {
                if (owner != rank)
                    outputs.Add(new SendFrame(Header(FrameKind.Ready, owner, step), PayloadSource.None));
            }
        }

        SendContributions();
        ReduceWhatIsThere();
    }

    /// <summary>Sends block after block to all owners in turn, beginning behind the own rank so that not everybody calls at the same door.</summary>
    private void SendContributions()
    {
        var step = Applied + 1;
        var cover = CutOf(step).CoverOf(rank);
        if (!contributing || cover.Count == 0)
            return;
        var behind = Array.BinarySearch(owners, rank + 1);
        for (var sent = true; sent;)
        {
            sent = false;
            for (var i = 0; i < owners.Length; i++)
            {
                var at = ((behind < 0 ? ~behind : behind) + i) % owners.Length;
                if (owners[at] == rank || cursors[at] >= credits[at])
                    continue;
                var block = cursors[at]++;
                foreach (var subtree in cover)
                    outputs.Add(new SendFrame(Header(FrameKind.Contribution, owners[at], step) with { Block = block, Subtree = subtree }, PayloadSource.Partial));
                sent = true;
            }
        }
    }

    private void OnFrame(FrameArrived frame)
    {
        var header = frame.Header;
        if (header.JobTag != jobTag || header.Generation != Generation || header.To != rank || members is null || header.From >= RankCount)
        {
            outputs.Add(new ReleasePayload(frame.Payload));
            return;
        }

        if (phase == Phase.Promised)
        {
            // The sender has its plan already; this rank's is on its way. Bounded by the senders' windows.
            waitingFrames.Add(frame);
            return;
        }

        if (plan is null || phase is Phase.Idle or Phase.Faulted || header.Timeline != timeline)
        {
            outputs.Add(new ReleasePayload(frame.Payload));
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

        outputs.Add(new ReleasePayload(frame.Payload));
    }

    /// <summary>The steps that contributions may be for: the one that this rank is at, and the next, which faster members may have begun; none behind the last.</summary>
    private bool MayGather(long step)
    {
        var current = phase == Phase.CatchingUp ? plan!.FirstStep : Applied + 1;
        return (step == current || step == current + 1) && step <= lastStep;
    }

    private StepGather GatherOf(long step)
    {
        if (!gathers.TryGetValue(step, out var gather))
        {
            gather = new StepGather(step, SliceStart(rank), SliceStart(rank + 1) - SliceStart(rank), CutOf(step));
            gathers.Add(step, gather);
        }

        return gather;
    }

    private void OnContribution(FrameArrived frame)
    {
        var header = frame.Header;
        var inSlice = header.Block >= SliceStart(rank) && header.Block < SliceStart(rank + 1);
        if (!MayGather(header.Step) || !inSlice || header.From == rank || !CutOf(header.Step).CoverOf(header.From).Contains(header.Subtree)
            || !GatherOf(header.Step).Add(header.Block, header.Subtree, frame.Payload))
        {
            outputs.Add(new ReleasePayload(frame.Payload));
            Accuse(members!.Members[header.From].Gpu.Node, Evidence.Invalid, $"contribution {header.Subtree} to block {header.Block} of step {header.Step} does not belong here");
            return;
        }

        outputs.Add(new StageContribution(frame.Payload, header));
        if (header.Step == Applied + 1)
            ReduceIfComplete(header.Block, GatherOf(header.Step));
    }

    private void OnReady(FrameHeader header)
    {
        if (!MayGather(header.Step) || CutOf(header.Step).CoverOf(header.From).Count > 0 || !GatherOf(header.Step).AddReady(header.From))
        {
            Accuse(members!.Members[header.From].Gpu.Node, Evidence.Invalid, $"rank {header.From} has nothing to add to step {header.Step}, yet the plan gives it shards");
            return;
        }

        ReduceWhatIsThere();
    }

    private void OnCredit(FrameHeader header)
    {
        if (phase != Phase.Running || header.Step != Applied + 1 || header.Block > SliceStart(header.From + 1))
            return;
        var owner = Array.BinarySearch(owners, header.From);
        if (owner < 0)
            return;
        credits[owner] = Math.Max(credits[owner], header.Block);
        SendContributions();
    }

    private void ReduceWhatIsThere()
    {
        if (!contributing || phase != Phase.Running || work.IsWriting)
            return;
        var gather = GatherOf(Applied + 1);
        for (var block = SliceStart(rank); block < SliceStart(rank + 1) && phase == Phase.Running && !work.IsWriting; block++)
            ReduceIfComplete(block, gather);
        if (phase == Phase.Running && !work.IsWriting)
            ApplyIfWhole(Applied + 1);
    }

    private void ReduceIfComplete(int block, StepGather gather)
    {
        var step = gather.Step;
        if (!contributing || phase != Phase.Running || work.IsWriting || tags[block] == step)
            return;
        var cut = CutOf(step);
        var own = cut.CoverOf(rank).Count;
        if (gather.CountOf(block) != cut.Parts.Count - own || gather.ReadyCount != cut.Silent - (own == 0 ? 1 : 0))
            return;
        var parts = gather.Take(block);
        outputs.Add(new ReduceBlock(block, step, parts));
        foreach (var part in parts)
        {
            if (part.Payload != 0)
                outputs.Add(new ReleasePayload(part.Payload));
        }

        tags[block] = step;
        for (var i = 1; i < RankCount; i++)
            outputs.Add(new SendFrame(Header(FrameKind.Reduced, (rank + i) % RankCount, step) with { Block = block }, PayloadSource.Reduced));
        Grant(step);
        ApplyIfWhole(step);
    }

    /// <summary>Lets contributors go on once half a window is finished: by then staging has room for as much again.</summary>
    private void Grant(long step)
    {
        var end = SliceStart(rank + 1);
        if (granted >= end)
            return;
        var done = SliceStart(rank);
        while (done < end && tags[done] == step)
            done++;
        var next = Math.Min(end, done + Options.WindowBlocks);
        if (next < end && next - granted < (Options.WindowBlocks + 1) / 2)
            return;
        granted = next;
        for (var other = 0; other < RankCount; other++)
        {
            if (other != rank && CutOf(step).CoverOf(other).Count > 0)
                outputs.Add(new SendFrame(Header(FrameKind.Credit, other, step) with { Block = granted }, PayloadSource.None));
        }
    }

    private void OnReduced(FrameArrived frame)
    {
        var header = frame.Header;
        var wanted = phase == Phase.CatchingUp ? Target : Applied + 1;
        if (work.IsWriting || fetching is not null || header.Step != wanted || Applied != wanted - 1 || header.Block >= tags.Length || tags[header.Block] == header.Step)
        {
            outputs.Add(new ReleasePayload(frame.Payload));
            return;
        }

        outputs.Add(new StoreReduced(frame.Payload, header));
        outputs.Add(new ReleasePayload(frame.Payload));
        tags[header.Block] = header.Step;
        ApplyIfWhole(header.Step);
    }

    /// <summary>The optimizer starts when all blocks of R carry the step, since the gradient's norm needs them all.</summary>
    private void ApplyIfWhole(long step)
    {
        if (work.IsWriting || Array.Exists(tags, tag => tag != step))
            return;
        outputs.Add(new ApplyStep(work.BeginWriting(StateTask.Applying), step, Generation));
    }

    private void OnStepFinished(long ticket, long step)
    {
        if (!IsStateWritten(ticket))
            return;
        Applied = step;
        finalHash = null;

        // Only now may P be overwritten: until here an owner might have died with what it had gathered.
        DropHeld();
        contributing = false;
        ReleaseStagingBefore(step + 1);
        switch (phase)
        {
            case Phase.Promised when answerOwed:
                Answer();
                break;
            case Phase.CatchingUp:
                Caught();
                break;
            case Phase.Running:
                SaveIfDue();
                if (!advanced)
                {
                    advanced = true;
                    outputs.Add(new TellJob(Advance()));
                }

                BeginStep();
                break;
        }
    }

    /// <summary>How far the rank is under its plan.</summary>
    private JobReport Progress() => advanced ? Advance() : new PlanTaken { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu };

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

    private RankAdvanced Advance() => new() { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Step = Applied };

    private void ReleaseStagingBefore(long step)
    {
        while (gathers.Count > 0 && gathers.First() is var (oldest, gather) && oldest < step)
        {
            foreach (var payload in gather.Payloads())
                outputs.Add(new ReleasePayload(payload));
            gathers.Remove(oldest);
        }
    }

    private void ReleaseStaging()
    {
        ReleaseStagingBefore(long.MaxValue);
        contributing = false;
    }
}
