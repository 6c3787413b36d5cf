using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Faults;

/// <summary>Counts the moments and tells the injector, once there is one.</summary>
internal sealed class Moments
{
    private readonly int[] counts = new int[Enum.GetValues<Moment>().Length];

    /// <summary>Receives the moment, how often it has come, and the worker in which it came.</summary>
    public Action<Moment, int, SimulatedWorker>? Reached { get; set; }

    /// <summary>Receives each step that a rank has applied.</summary>
    public Action<long>? StepApplied { get; set; }

    public void Reach(Moment moment, SimulatedWorker where) => Reached?.Invoke(moment, ++counts[(int)moment], where);

    public void OnStep(long step) => StepApplied?.Invoke(step);
}
