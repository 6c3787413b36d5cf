using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <content>Planted bugs in what a rank hears and says.</content>
internal sealed partial class SimulatedRank
{
    private PeerAccused? keptAccusation;
    private RankState? keptAnswer;
    private string? staleActivity;
    private bool owed;

    /// <summary>What a rank says that has nothing.</summary>
    private RankState WithoutState => new()
    {
        Job = Job,
        Generation = machine.Generation,
        Gpu = Gpu,
        Boot = process.Boot,
        HasState = false,
        Timeline = 0,
        Applied = 0,
        StateBlocks = process.Model.StateBlocks,
    };

    /// <summary>Planted bugs that outlast the failure of a device: what the rank had and did when it came.</summary>
    private void PlantAtFailure()
    {
        staleActivity = Plant == PlantedBug.StaleActivity && memory.IsWriting ? machine.Activity : null;
        keptAnswer = WithoutState with
        {
            Reduced = [.. memory.Reduced.Select((block, number) => new TagRun(number, 1, block.Step))],
            Held = [.. memory.Partials.Keys],
            Assigned = [.. memory.Partials.Keys.Select(subtree => new ShardSpan(subtree.Start, subtree.Size))],
        };
    }

    /// <summary>Planted bugs in what a rank without state says that it has: what it had when its device failed.</summary>
    private WorkerMessage Tamper(WorkerMessage said) => (Plant, said) switch
    {
        (PlantedBug.OldTagsOffered, RankState { HasState: false } answer) when keptAnswer is { } kept =>
            answer with { Reduced = kept.Reduced },
        (PlantedBug.OldSubtreesOffered, RankState { HasState: false } answer) when keptAnswer is { } kept =>
            answer with { Held = kept.Held },
        (PlantedBug.OldShardsOffered, RankState { HasState: false } answer) when keptAnswer is { } kept =>
            answer with { Assigned = kept.Assigned },
        _ => said,
    };

    /// <summary>Planted bugs: a payload that the rank has no more use for is not given back.</summary>
    private bool IsKeptByMistake(ReleasePayload release) => Plant switch
    {
        PlantedBug.StoredPayloadKept =>
            memory.Payloads.TryGetValue(release.Payload, out var stored) && stored.Header.Kind == FrameKind.Reduced,
        PlantedBug.StagingKept => memory.Payloads.TryGetValue(
            release.Payload,
            out var staged) && staged.Header.Kind == FrameKind.Contribution && staged.Header.Generation < machine.Generation,
        _ => false,
    };

    /// <summary>Planted bugs: a question waits for the device, and is answered all the same.</summary>
    private bool AnswersTooEarly => guard.IsAsked && (Plant, memory.Applying) is (PlantedBug.AnsweredWhileApplying, true) or (
        PlantedBug.AnsweredWhileInitialising, false) && memory.IsWriting;

    /// <summary>Planted bugs in what the machine gets to see of an order.</summary>
    private RankOrder Tamper(RankOrder order, Membership? members) => (Plant, order) switch
    {
        (PlantedBug.StaleIncarnationObeyed, PrepareRank) => order with
        {
            Incarnation = Math.Max(order.Incarnation, guard.HighestIncarnation),
            Generation = Math.Max(order.Generation, machine.Generation),
        },
        (PlantedBug.RecutInInterruptedStep, RankPlan { FirstStep: > 1, FirstStepShards.Count: > 0 } plan) when members is not null =>
            plan with
            {
                FirstStepShards = [.. ShardMap.Cut(process.Model.Shards, members.Members.Count).SelectMany(
                    (spans, rank) => spans.Select(span => new ShardRun(rank, span.Start, span.Count)))],
            },
        _ => order,
    };
}
