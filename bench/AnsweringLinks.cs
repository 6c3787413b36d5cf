using System.Collections.Concurrent;
using Coordinator.Machines;

namespace Coordinator.Bench;

/// <summary>In place of connections: every node answers at once what its ranks are asked, and is as far as its plan says.</summary>
internal sealed class AnsweringLinks
{
    private readonly ConcurrentDictionary<long, int> advanced = new();

    /// <summary>The session of every node.</summary>
    public static WorkerSession Session { get; } = new(1, 1);

    public MachineLoop? Loop { get; set; }

    /// <summary>A node that is gone; null: none.</summary>
    public NodeId? Dead { get; set; }

    /// <summary>Nodes that were welcomed.</summary>
    public int Welcomed { get; private set; }

    /// <summary>Ranks that have said that they applied a step of a generation.</summary>
    public int Advanced(long generation) => advanced.GetValueOrDefault(generation);

    public void Send(NodeId node, CoordinatorMessage message)
    {
        if (node == Dead) return;
        switch (message)
        {
            case Welcome:
                Welcomed++;
                break;
            case RankOrdered { Order: PrepareRank order }:
                var holds = order.Generation > 1;
                Say(node, new RankState
                {
                    Job = order.Job,
                    Generation = order.Generation,
                    Gpu = order.Gpu,
                    Boot = Session.Boot,
                    HasState = holds,
                    Timeline = 0,
                    Applied = holds ? 1 : 0,
                    RecordedThrough = order.RecordedThrough,
                    StateBlocks = 1,
                    Reduced = holds ? [new TagRun(0, 1, 1)] : [],
                });
                break;
            case RankOrdered { Order: RankPlan plan }:
                Say(node, new PlanTaken { Job = plan.Job, Generation = plan.Generation, Gpu = plan.Gpu });
                if (plan.Rank == 0)
                {
                    Say(node, new StepsApplied
                    {
                        Job = plan.Job,
                        Generation = plan.Generation,
                        Timeline = 0,
                        Steps = [new StepRecord(plan.FirstStep, plan.Generation, 1, 1, 1, 1)],
                    });
                }
                Say(node, new RankAdvanced { Job = plan.Job, Generation = plan.Generation, Gpu = plan.Gpu, Step = plan.FirstStep });
                advanced.AddOrUpdate(plan.Generation, 1, (_, count) => count + 1);
                break;
            case RankOrdered { Order: ReleaseRank release }:
                Say(node, new RankReleased { Job = release.Job, Generation = release.Generation, Gpu = release.Gpu });
                break;
        }
    }

    private void Say(NodeId node, WorkerMessage message) => Loop!.Post(GrainAddress.Of(node), new WorkerSaid(Session, message));
}
