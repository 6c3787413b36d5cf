using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Silo;

/// <summary>The table of applied steps; a known (timeline, step) is stored once.</summary>
internal sealed class StepStore(VirtualWorld world, Checkers checkers)
{
    private readonly SortedDictionary<(JobId Job, int Timeline, long Step), StepRecord> rows = [];
    private bool planted;

    public int Count => rows.Count;

    /// <summary>Hears of every row as it is written.</summary>
    public Action<JobId, StepRecord>? OnStored { get; set; }

    public void Store(ObserveSteps observed)
    {
        foreach (var step in observed.Steps)
        {
            var key = (observed.Job, observed.Timeline, step.Step);
            if (world.Options.Plant == PlantedBug.StepNotRecorded && !planted && step.Step == 3)
            {
                planted = true;
                continue;
            }

            if (rows.TryGetValue(key, out var known))
            {
                checkers.Storage.OnStepAgain(known, step);
                if (world.Options.Plant != PlantedBug.StepRecordedTwice)
                    continue;
            }

            rows[key] = step;
            checkers.Ledger?.OnStep(observed.Timeline, step);
            OnStored?.Invoke(observed.Job, step);
            checkers.Storage.OnStep(observed.Timeline, step);
        }
    }
}
