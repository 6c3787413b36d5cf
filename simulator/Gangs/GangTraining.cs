using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>
/// What the program does: steps that all its processes take together, a checkpoint at every tenth, and an end. Where one of them is gone,
/// the others fail for want of it after a while, or hang until somebody ends them.
/// </summary>
internal sealed class GangTraining(VirtualWorld world, int steps, int failingAt, int failures)
{
    private const int CheckpointEvery = 10;
    private static readonly TimeSpan StepTime = TimeSpan.FromMilliseconds(150);

    private readonly Dictionary<long, (long Step, bool Broken)> runs = [];
    private int failed;

    /// <summary>Step that is saved.</summary>
    public long Saved { get; private set; }

    public int Steps => steps;

    /// <summary>How often one of its processes has failed by itself.</summary>
    public int Failed => failed;

    /// <summary>A process of a generation has started; the steps begin when all have.</summary>
    public void Started(GangProgram program, Func<long, IReadOnlyList<GangProgram>> alive)
    {
        if (!runs.ContainsKey(program.Generation) && alive(program.Generation).Count == program.World)
        {
            runs[program.Generation] = (Saved, false);
            world.Schedule(StepTime, () => Step(program.Generation, program.World, alive));
        }
    }

    private void Step(long generation, int size, Func<long, IReadOnlyList<GangProgram>> alive)
    {
        var programs = alive(generation);
        if (programs.Count < size)
        {
            if (runs[generation].Broken)
                return;
            runs[generation] = (runs[generation].Step, true);
            foreach (var left in programs.Where(_ => world.Workload.Chance(0.6)))
            {
                world.Schedule(
                    world.Workload.Between(TimeSpan.FromMilliseconds(5), TimeSpan.FromSeconds(3)),
                    () => left.Node.EndProgram(left, code: 1, signal: null, isFirst: false, "RuntimeError: Connection closed by peer"));
            }
            return;
        }

        // Frozen processes keep the others waiting.
        if (programs.Any(program => program.Node.IsStopped))
        {
            world.Schedule(StepTime, () => Step(generation, size, alive));
            return;
        }

        // A generation may begin with all of it saved, since only the news of the end was lost.
        var step = Math.Min(runs[generation].Step + 1, steps);
        runs[generation] = (step, false);
        if (step == failingAt && failed < failures)
        {
            failed++;
            var unlucky = world.Workload.Pick(programs);
            unlucky.Node.EndProgram(unlucky, code: 3, signal: null, isFirst: true, "ValueError: bad sample");
            world.Schedule(StepTime, () => Step(generation, size, alive));
            return;
        }

        if (step % CheckpointEvery == 0 || step == steps)
            Saved = Math.Max(Saved, step);
        foreach (var program in programs)
            program.Node.Tell(program, step);
        if (step < steps)
        {
            world.Schedule(StepTime, () => Step(generation, size, alive));
            return;
        }

        foreach (var program in programs)
            program.Node.EndProgram(program, code: 0, signal: null, isFirst: false, "");
    }
}
