using Coordinator.Machines;
using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Checks;

/// <summary>Checks every output of one rank against its plan, its promise, its memory and the serial run.</summary>
internal sealed class RankGuard(Checkers checkers, ToyModel model, RankMemory memory, GpuId gpu)
{
    private RankPlan? plan;
    private bool planned;
    private long promised;
    private SortedSet<Subtree> promisedSubtrees = [];
    private readonly SortedSet<(long Generation, NodeId Node)> lost = [];
    private readonly SortedSet<(long Generation, NodeId Node)> heard = [];
    private long highest = -1;

    // Of the state that it holds, and the plan under which another state is to take its place.
    private int timeline;
    private RankPlan? replacing;
    private long highestGeneration;
    private long asked;
    private bool released;
    private bool failed;
    private readonly OldStateGuard old = new(checkers, model, memory, gpu);

    /// <summary>Membership of the newest order.</summary>
    public Membership? Members { get; private set; }

    public void OnOrder(RankOrder order, Membership? members)
    {
        if (members is not null && members.Generation >= (Members?.Generation ?? 0))
            Members = members;
        if (order is RankPlan ranked && ranked.Generation == promised)
        {
            Enter(ranked);
            (plan, promised, planned, released) = (ranked, 0, true, false);
            old.OnPlan(ranked, members!);
        }
        else if (order is ReleaseRank release)
        {
            (plan, promised, planned, asked, released) = (null, 0, planned && !release.Forget, 0, true);
            old.OnReleased();
        }
    }

    /// <summary>Whether the rank was told that it is no member, and asked nothing since.</summary>
    public bool IsReleased => released;

    /// <summary>Whether a question waits until the device has written the state.</summary>
    public bool IsAsked => asked != 0;

    /// <summary>The machine has taken a question.</summary>
    public void OnAsked(long generation) => (asked, released, failed) = (generation, false, false);

    /// <summary>The state is given up: for another one, or for good.</summary>
    public void OnDiscarded()
    {
        old.OnDiscarded();

        // On a newer timeline the job has gone back, and the rank with it as soon as it gives up what it had kept until then.
        if (replacing is { } by)
            GoBack(by);
        replacing = null;
    }

    /// <summary>The state is given up for good on the job's word: what takes its place later may be of an earlier step.</summary>
    public void OnForgotten() => highest = -1;

    /// <summary>All that an input asked for is done; the rank is in a generation, and has applied steps.</summary>
    public void OnTurnEnded(string activity, long generation, long applied)
    {
        old.OnTurnEnded();
        foreach (var (header, _, _) in memory.Payloads.Values)
        {
            if (WhyOfNoUse(header, generation, applied) is { } why)
            {
                Fail(
                    Invariants.PayloadsAreReleased,
                    $"holds a payload ({header.Kind}, generation {header.Generation}, step {header.Step}) {why}");
            }
        }

        if (asked != 0 && !memory.IsWriting)
            Fail(Invariants.QuestionIsAnswered, $"is asked for generation {asked} and says nothing, though its device writes nothing");
        if (activity == "applying" != memory.Applying || activity == "initialising" != memory.Initializing)
        {
            Fail(Invariants.ActivityIsTrue, $"says that it is {activity} while its device "
                + $"{(memory.Applying ? "applies" : memory.Initializing ? "initialises" : "writes nothing")}");
        }
    }

    /// <summary>
    /// Why a payload should have been given back; null: the rank still needs it. Between promise and plan all that comes waits for the
    /// plan.
    /// </summary>
    private string? WhyOfNoUse(FrameHeader header, long generation, long applied)
    {
        if (header.Generation != generation)
            return $"in generation {generation}";
        if (released || failed)
            return released ? "after it was released" : "after its device failed";
        if (promised != 0 || asked != 0)
            return null;

        // A state that is kept until another one takes its place may be of a later step than that.
        var done = replacing is { } by ? by.FirstStep - 1 : applied;
        return header.Kind != FrameKind.Contribution || header.Step <= done ? $"when step {done} is applied" : null;
    }

    /// <summary>Highest incarnation of a job's machine that the rank has obeyed.</summary>
    public long HighestIncarnation { get; private set; }

    /// <summary>The machine has taken an order, and whether it has anything to do because of it.</summary>
    public void OnObeyed(RankOrder order, bool acts)
    {
        if (acts && (order.Incarnation < HighestIncarnation || order.Generation < highestGeneration))
        {
            Fail(Invariants.StaleOrderRefused, $"obeys an order of incarnation {order.Incarnation}, generation {order.Generation}, after "
                + $"one of {HighestIncarnation}, {highestGeneration}");
        }
        (HighestIncarnation, highestGeneration) = (
            Math.Max(HighestIncarnation, order.Incarnation), Math.Max(highestGeneration, order.Generation));
    }

    public void OnPeerLost(PeerLost peer) => lost.Add((peer.Generation, peer.Node));

    public void OnFrame(FrameHeader header)
    {
        if (Members is { } members && members.Generation == header.Generation && header.From < members.Members.Count)
            heard.Add((header.Generation, members.Members[header.From].Gpu.Node));
    }

    public void OnAccused(PeerAccused accused)
    {
        var met = (accused.Generation, accused.Accused);
        if (!lost.Contains(met) && !(accused.Evidence == Evidence.Invalid && heard.Contains(met)))
        {
            Fail(
                Invariants.AccusationsLapse,
                $"accuses {accused.Accused} in generation {accused.Generation}, in which nothing came between them");
        }
    }

    public void OnFaulted(RankFaulted fault)
    {
        if (!failed)
            Fail(Invariants.FaultIsReal, $"reports a fault in generation {fault.Generation} although its device works: {fault.Detail}");
    }

    /// <summary>The process was asked to end, and does.</summary>
    public void OnEnd()
    {
        if (plan is not null || promised != 0)
        {
            Fail(Invariants.LeavesReleased, "ends under its "
                + $"{(plan is not null ? $"plan of generation {plan.Generation}" : $"promise to generation {promised}")}, not released");
        }
        if (planned)
            Fail(Invariants.LeavesReleased, "ends with what its job has not let go of");
    }

    public void OnAnswer(RankState answer)
    {
        if (plan?.Generation == answer.Generation)
            Fail(Invariants.PromiseKept, $"answers for generation {answer.Generation} after it took the plan");
        if (memory.IsWriting)
            Fail(Invariants.AnswerAwaitsWrite, $"answers while its device {(memory.Applying ? "applies" : "initialises")}");
        old.OnAnswer(answer);
        (promised, plan) = (answer.Generation, null);
        asked = asked == answer.Generation ? 0 : asked;
        promisedSubtrees = new SortedSet<Subtree>(answer.Held);
        if (answer.HasState)
            AnswerHolds(answer);
        checkers.Steps.OnAnswer(answer);
        checkers.Orders.OnAnswer(answer);
    }

    /// <summary>The device failed: what was promised of its memory is void, and as far as its state goes the rank is no survivor.</summary>
    public void OnDeviceFailed()
    {
        (plan, promised, highest, asked, failed, replacing) = (null, 0, -1, 0, true, null);
        old.OnReleased();
        old.OnDiscarded();
    }

    public void OnInitialize(long generation)
    {
        if (!HasAuthority(generation, "initialises"))
            return;
        if (plan!.FirstStep != 1 || plan.CatchUp != CatchUp.Initialize)
            Fail(Invariants.PlanIsAuthority, "initialises without being told to");
        if (highest > 0 && !MayGoBack)
            Fail(Invariants.StepsAscend, $"initialises after it had applied step {highest}");
    }

    public void OnCompute(ComputeShard compute, long generation)
    {
        if (!HasAuthority(generation, $"computes shard {compute.Shard} of step {compute.Step}"))
            return;
        StateStandsAt(compute.Step - 1);
        var mine = compute.Step == plan!.FirstStep
            ? plan.FirstStepShards.Any(run => run.Rank == plan.Rank && compute.Shard >= run.Start && compute.Shard < run.Start + run.Count)
            : ShardMap.Cut(model.Shards, Members!.Members.Count)[plan.Rank].Any(
                span => compute.Shard >= span.Start && compute.Shard < span.Start + span.Count);
        if (!mine || compute.Step < plan.FirstStep)
        {
            Fail(
                Invariants.PlanIsAuthority,
                $"computes shard {compute.Shard} of step {compute.Step}, which generation {generation} does not give it");
        }
        if (memory.Partials.Any(partial => partial.Value.Step == compute.Step && partial.Key.Contains(Subtree.Leaf(compute.Shard))))
            Fail(Invariants.HeldWorkCounts, $"computes shard {compute.Shard} of step {compute.Step}, which it holds");
    }

    public void OnKeep(KeepGradient keep)
    {
        if (promised != 0)
            Fail(Invariants.PromiseKept, $"adds {keep.Leaf} to P between answer and plan");
        if (!memory.Computed.TryGetValue(keep.Ticket, out var computed) || computed.Shard != keep.Leaf.Start || keep.Leaf.Size != 1)
            Fail(Invariants.HostContract, $"keeps {keep.Leaf} under ticket {keep.Ticket}, which computed something else");
        if (memory.Partials.Keys.Any(subtree => subtree.Overlaps(keep.Leaf)))
            Fail(Invariants.HostContract, $"keeps {keep.Leaf} beside a subtree that holds it");
    }

    public void OnMerge(MergeSubtrees merge)
    {
        if (promised != 0)
            Fail(Invariants.PromiseKept, $"merges {merge.Left} and {merge.Right} between answer and plan");
        if (!memory.Partials.TryGetValue(merge.Left, out var left) || !memory.Partials.TryGetValue(merge.Right, out var right)
            || left.Step != right.Step || !merge.Left.IsLeft || merge.Left.Sibling != merge.Right)
        {
            Fail(Invariants.HostContract, $"merges {merge.Left} and {merge.Right}, which are no pair that it holds");
        }
    }

    public void OnDrop(DropSubtree drop)
    {
        if (promised != 0 && promisedSubtrees.Contains(drop.Subtree))
            Fail(Invariants.PromiseKept, $"drops {drop.Subtree} between answer and plan");
        if (!memory.Partials.TryGetValue(drop.Subtree, out var dropped))
        {
            Fail(Invariants.HostContract, $"drops {drop.Subtree}, which it does not hold");
        }
        else if (plan is { CatchUp: CatchUp.None }
            && dropped.Step == plan.FirstStep
            && memory.StateStep == plan.FirstStep - 1
            && !memory.Applying
            && plan.FirstStepShards.Any(
                run => run.Rank == plan.Rank && drop.Subtree.Start >= run.Start && drop.Subtree.End <= run.Start + run.Count))
        {
            Fail(
                Invariants.HeldWorkCounts,
                $"drops {drop.Subtree} of step {plan.FirstStep}, which generation {plan.Generation} leaves to it");
        }
    }

    public void OnStage(StageContribution stage)
    {
        if (!memory.Payloads.ContainsKey(stage.Payload))
            Fail(Invariants.HostContract, $"stages payload {stage.Payload}, which it does not hold");
    }

    public void OnReduce(ReduceBlock reduce, long generation)
    {
        OnOverwriteReduced($"reduces block {reduce.Block}");
        HasAuthority(generation, $"reduces block {reduce.Block} of step {reduce.Step}");
        var next = 0;
        foreach (var part in reduce.Parts)
        {
            if (part.Subtree.Start != next)
                Fail(Invariants.SumIsComplete, $"adds up block {reduce.Block} of step {reduce.Step} with shard {next} missing or twice");
            next = part.Subtree.End;
            if (part.Payload == 0 ? !memory.Partials.ContainsKey(part.Subtree) : !memory.Payloads.ContainsKey(part.Payload))
                Fail(Invariants.HostContract, $"adds up {part.Subtree}, which it does not hold");
            if (part.Payload == 0)
            {
                if (memory.Partials.TryGetValue(part.Subtree, out var own) && own.Step != reduce.Step)
                    Fail(Invariants.SumOfOneGeneration, $"adds its own {part.Subtree} of step {own.Step} to step {reduce.Step}");
            }
            else if (memory.Payloads[part.Payload].Truth is var truth
                && (truth.Step != reduce.Step || truth.Generation != generation || truth.Block != reduce.Block))
            {
                Fail(Invariants.SumOfOneGeneration, $"adds a contribution to step {truth.Step}, generation {truth.Generation}, block "
                    + $"{truth.Block} to step {reduce.Step}, generation {generation}, block {reduce.Block}");
            }
        }

        if (next != model.Shards)
            Fail(Invariants.SumIsComplete, $"adds up block {reduce.Block} of step {reduce.Step} over {next} of {model.Shards} shards");
    }

    /// <summary>R is about to change.</summary>
    public void OnOverwriteReduced(string what)
    {
        if (promised != 0)
            Fail(Invariants.PromiseKept, $"{what} between answer and plan");
        if (memory.Applying)
            Fail(Invariants.WholeBeforeApply, $"{what} while the optimizer runs");
    }

    public void OnSend(SendFrame send) => old.OnSend(send);

    public void OnReducedBlock(int block)
    {
        old.OnReduced(block);
        var value = memory.Reduced[block];
        var serial = model.Reduced(value.Step);
        if (value.Word != serial.Blocks[block] || value.SumOfSquares != ToyModel.SumOfSquares(value.Word)
            || (block == 0 && memory.ReducedScore != serial.Score))
        {
            Fail(Invariants.ReducedIsSerial, $"block {block} of the reduced gradient of step {value.Step} is not the serial run's");
        }
    }

    public void OnStoreState(StoreState store, long generation)
    {
        if (!HasAuthority(generation, "takes a state"))
            return;
        if (plan!.CatchUp != CatchUp.FetchState || store.Header.Step != plan.FirstStep - 1)
            Fail(Invariants.PlanIsAuthority, $"takes a block of the state of step {store.Header.Step} without being told to");
        if (memory.Applying)
            Fail(Invariants.WholeBeforeApply, "takes a state while the optimizer runs");
        if (store.Header.Step < highest && !MayGoBack)
            Fail(Invariants.StepsAscend, $"goes back from step {highest} to {store.Header.Step}");
    }

    /// <summary>What is saved is the whole state of the step that the checkpoint names.</summary>
    public void OnSave(SaveState save, long generation)
    {
        if (!HasAuthority(generation, $"saves {save.Checkpoint}"))
            return;
        if (save.Checkpoint.Generation != generation || save.Checkpoint.Timeline != plan!.Timeline)
            Fail(Invariants.PlanIsAuthority, $"saves {save.Checkpoint} in generation {generation}, timeline {plan!.Timeline}");
        StateStandsAt(save.Checkpoint.Step);
    }

    public void OnLoad(LoadState load, long generation)
    {
        if (!HasAuthority(generation, $"loads {load.Checkpoint.Id}"))
            return;
        if (plan!.CatchUp != CatchUp.LoadCheckpoint || plan.Checkpoint != load.Checkpoint || plan.FirstStep != load.Checkpoint.Id.Step + 1)
            Fail(Invariants.PlanIsAuthority, $"loads {load.Checkpoint.Id} without being told to");
    }

    public void OnStateBlock()
    {
        if (memory.StateStep >= 0)
            Stands(memory.StateStep);
    }

    public void OnApply(ApplyStep apply, long generation)
    {
        if (promised != 0)
            Fail(Invariants.PromiseKept, $"applies step {apply.Step} between its answer for generation {promised} and the plan");
        HasAuthority(generation, $"applies step {apply.Step}");
        StateStandsAt(apply.Step - 1);
        foreach (var block in memory.Reduced)
        {
            if (block.Step != apply.Step)
                Fail(Invariants.WholeBeforeApply, $"applies step {apply.Step} with a block of R at step {block.Step}");
        }

        checkers.Steps.OnApplied(gpu, apply.Generation, apply.Step);
    }

    public void OnApplied(ApplyStep apply)
    {
        if (apply.Step <= highest)
            Fail(Invariants.StepsAscend, $"applies step {apply.Step} after step {highest}");
        Stands(apply.Step);
    }

    /// <summary>Whether the state that is held is of an earlier timeline than the plan by which it is to be replaced.</summary>
    private bool MayGoBack => replacing?.Timeline > timeline;

    /// <summary>
    /// A state that the plan goes on from is of the plan's timeline at once, and so is an earlier one of the timeline that the plan goes on
    /// from.
    /// Any other is kept, with its timeline, until the one that replaces it is there.
    /// </summary>
    private void Enter(RankPlan ranked)
    {
        replacing = null;
        if (memory.StateStep < 0)
        {
            GoBack(ranked);
        }
        else if (ranked.CatchUp is CatchUp.None or CatchUp.ApplyReduced or CatchUp.FetchReduced
            || timeline == (ranked.StateTimeline ?? ranked.Timeline))
        {
            timeline = Math.Max(timeline, ranked.Timeline);
        }
        else
        {
            replacing = ranked;
        }
    }

    private void GoBack(RankPlan by)
    {
        if (by.Timeline > timeline)
            (timeline, highest) = (by.Timeline, -1);
    }

    private void AnswerHolds(RankState answer)
    {
        if (memory.StateStep != answer.Applied)
            Fail(Invariants.AnswerIsTrue, $"answers step {answer.Applied} with a state of step {memory.StateStep}");
        if (answer.Timeline != timeline)
            Fail(Invariants.AnswerIsTrue, $"answers with a state of timeline {answer.Timeline}; its last plan was of {timeline}");
        StateStandsAt(answer.Applied);
        foreach (var run in answer.Reduced)
        {
            for (var block = run.Start; run.Step > 0 && block < run.Start + run.Count; block++)
            {
                if (memory.Reduced[block].Step != run.Step)
                {
                    Fail(
                        Invariants.AnswerIsTrue,
                        $"answers that block {block} of R carries step {run.Step}; it carries {memory.Reduced[block].Step}");
                }
            }
        }

        foreach (var subtree in answer.Held)
        {
            if (!memory.Partials.TryGetValue(subtree, out var partial) || partial.Step != answer.Applied + 1)
                Fail(Invariants.AnswerIsTrue, $"answers that it holds {subtree} of step {answer.Applied + 1}");
            else if (!partial.Sum.Blocks.AsSpan().SequenceEqual(model.Sum(partial.Step, subtree.Start, subtree.Size).Blocks))
                Fail(Invariants.AnswerIsTrue, $"holds a wrong sum over {subtree}");
        }
    }

    /// <summary>A whole state stands that was not there before.</summary>
    private void Stands(long step)
    {
        StateStandsAt(step);
        checkers.Steps.OnState(gpu, plan?.Timeline ?? 0, step, memory.State);
    }

    private void StateStandsAt(long step)
    {
        if (memory.StateStep != step || memory.Applying)
            Fail(Invariants.StateIsSerial, $"needs the state of step {step} and has that of {memory.StateStep}");
        if (step >= 0 && !memory.State.AsSpan().SequenceEqual(model.State(step)))
            Fail(Invariants.StateIsSerial, $"the state of step {step} is not the serial run's");
        highest = Math.Max(highest, step);
    }

    private bool HasAuthority(long generation, string what)
    {
        if (plan is not null && plan.Generation == generation)
            return true;
        Fail(
            Invariants.PlanIsAuthority,
            $"{what} in generation {generation} with {(plan is null ? "no plan" : $"a plan of generation {plan.Generation}")}");
        return plan is not null;
    }

    private void Fail(string invariant, string message) => checkers.Fail(invariant, $"{gpu} {message}");
}
