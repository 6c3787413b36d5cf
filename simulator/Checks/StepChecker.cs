using Coordinator.Machines;
using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Checks;

/// <summary>
/// Which step may be applied in which generation. A step is applied only with every member's contribution; a member that has
/// answered for a newer generation at applied step a contributes no more, and had contributed to a + 1 at most. So nobody applies
/// beyond a + 1 in any older generation that it was a member of.
/// </summary>
internal sealed class StepChecker(Checkers checkers)
{
    private readonly SortedDictionary<long, (long Step, GpuId By)> limits = [];

    private readonly SortedDictionary<(int Timeline, long Step), (ulong Digest, GpuId By)> states = [];

    private readonly HashSet<(GpuId Gpu, long Generation)> appliers = [];

    /// <summary>Highest step applied by any rank.</summary>
    public long Highest { get; private set; }

    /// <summary>Steps applied, over all ranks.</summary>
    public long Applied { get; private set; }

    /// <summary>Whether a rank has applied a step in a generation, or has finished in it.</summary>
    public bool HasApplied(GpuId gpu, long generation) => appliers.Contains((gpu, generation));

    /// <summary>A rank says that it has applied the last step.</summary>
    public void OnFinished(GpuId gpu, long generation) => appliers.Add((gpu, generation));

    public void OnApplied(GpuId gpu, long generation, long step)
    {
        appliers.Add((gpu, generation));
        Highest = Math.Max(Highest, step);
        Applied++;
        if (limits.TryGetValue(generation, out var limit) && step > limit.Step)
        {
            checkers.Fail(
                Invariants.GenerationOvertaken,
                $"{gpu} applies step {step} in generation {generation}, of which {limit.By} can have contributed to {limit.Step} at most");
        }
    }

    /// <summary>A rank holds the whole state of a step.</summary>
    public void OnState(GpuId gpu, int timeline, long step, ulong[] state)
    {
        var digest = ToyModel.Digest(state);
        if (states.TryAdd((timeline, step), (digest, gpu)))
            return;
        var first = states[(timeline, step)];
        if (first.Digest != digest)
            checkers.Fail(Invariants.EqualStates, $"{gpu} and {first.By} hold different states of step {step}, timeline {timeline}");
    }

    public void OnAnswer(RankState answer)
    {
        if (!answer.HasState)
            return;
        foreach (var (generation, members) in checkers.Orders.Memberships)
        {
            if (generation >= answer.Generation)
                return;
            var rank = members.RankOf(answer.Gpu);
            if (rank < 0 || members.Members[rank].Boot != answer.Boot)
                continue;
            if (!limits.TryGetValue(generation, out var limit) || limit.Step > answer.Applied + 1)
                limits[generation] = (answer.Applied + 1, answer.Gpu);
        }
    }
}
