using Orleans;

namespace Coordinator.Bench.Limit;

/// <summary>What the yardstick's grains say to each other; within the one silo it goes by reference.</summary>
internal enum LimitKind
{
    Connect, Attach, Beat, Form, Prepare, Plan, Order, Answer, Advance,
}

/// <summary>A membership as wide as the cluster, shared by reference.</summary>
[GenerateSerializer, Immutable]
internal sealed record LimitMembers([property: Id(0)] long Generation, [property: Id(1)] string[] Names);

/// <summary>A word from one grain to another.</summary>
[GenerateSerializer, Immutable]
internal sealed record LimitWord([property: Id(0)] LimitKind Kind, [property: Id(1)] LimitMembers Members);
