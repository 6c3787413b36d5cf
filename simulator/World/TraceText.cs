using Coordinator.Machines;

namespace Coordinator.Simulator.World;

/// <summary>Messages as short text, for trace lines.</summary>
internal static class TraceText
{
    private const int MaxLength = 260;

    public static string Of(object? detail)
    {
        var text = detail switch
        {
            null => "",
            SendToGrain send => $"{send.To}: {Of(send.Message)}",
            SendToWorker send => $"{send.Node}: {Of(send.Message)}",
            GpuOrdered ordered => Of(ordered.Order),
            RankOrdered ordered => Of(ordered.Order),
            MembershipChanged changed => Of(changed.Change),
            WorkerReported reported => $"report of {reported.Node} {Of(reported.Session)}: {Of(reported.Report)}",
            WorkerSaid said => $"said by {Of(said.Session)}: {Of(said.Message)}",
            NodeOrders orders =>
                $"orders i{orders.Incarnation} [{Of(orders.Change)}] {string.Join("; ", orders.Orders.Select(Of))} {orders.Recorded}",
            MembershipChange change => $"g{change.FromGeneration}→g{change.ToGeneration} -[{string.Join(' ', change.Removed)}] "
                + $"+[{string.Join(' ', change.Added.Select(member => $"{member.Gpu}@{member.Boot % 1_000_000_000}"))}]",
            PrepareRank prepare => $"prepare {prepare.Gpu} i{prepare.Incarnation} g{prepare.Generation} recorded {prepare.RecordedThrough}",
            RankPlan plan =>
                $"plan {plan.Gpu} i{plan.Incarnation} g{plan.Generation} rank {plan.Rank} first {plan.FirstStep} {plan.CatchUp} from "
                    + $"[{string.Join(' ', plan.Donors.Select(run => $"{run.Rank}:{run.Start}+{run.Count}"))}] shards "
                    + $"[{string.Join(' ', plan.FirstStepShards.Select(run => $"{run.Rank}:{run.Start}+{run.Count}"))}]",
            ReleaseRank release =>
                $"release {release.Gpu} i{release.Incarnation} g{release.Generation}{(release.Forget ? " forget" : "")}: {release.Reason}",
            RankState state =>
                $"state of {state.Gpu} g{state.Generation}: {(state.HasState ? $"applied {state.Applied}" : "none")} R "
                    + $"[{string.Join(' ', state.Reduced.Select(run => $"{run.Start}+{run.Count}@{run.Step}"))}] P "
                    + $"[{string.Join(' ', state.Held)}] assigned "
                    + $"[{string.Join(' ', state.Assigned.Select(span => $"{span.Start}+{span.Count}"))}]",
            StepsApplied steps => $"steps {steps.Steps[0].Step} to {steps.Steps[^1].Step} t{steps.Timeline} g{steps.Generation}",
            GpusOffered offered =>
                $"offer {offered.Incarnation}.{offered.Sequence}: "
                    + $"{string.Join(' ', offered.Gpus.Select(gpu => $"{gpu.Gpu}@{gpu.Session.Boot % 1_000_000_000}{(gpu.Up ? "" : " down")}"))}",
            GpusRequested request =>
                $"request i{request.Incarnation}.{request.Sequence}: wants {request.Wanted}, uses {string.Join(' ', request.Used)}",
            NodeReported report => $"node {report.Node} {(report.Up ? "up" : "down")} {Of(report.Session)}.{report.Sequence}",
            WorkerSession session => $"({session.Boot % 1_000_000_000}.{session.Connection})",
            _ => detail.ToString() ?? "",
        };
        return text.Length <= MaxLength ? text : text[..MaxLength] + "…";
    }
}
