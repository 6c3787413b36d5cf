using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>
/// What grains, their states and their interfaces are called wherever silos write it down or say it to each other. Rows of states and
/// reminders are found by these names, so they never change, whatever becomes of the classes: another name would leave every row behind, as
/// another service id would. They are the ones that Orleans derived from the first classes.
/// </summary>
public static class GrainNames
{
    /// <summary>Grain type of the one cluster, and the name of its state.</summary>
    public const string Cluster = "cluster";

    /// <summary>Grain type of nodes.</summary>
    public const string Node = "node";

    /// <summary>Grain type of gpus, and the name of their states.</summary>
    public const string Gpu = "gpu";

    /// <summary>Grain type of jobs, and the name of their states.</summary>
    public const string Job = "trainingjob";

    /// <summary>Grain type of gangs, and the name of their states.</summary>
    public const string Gang = "gang";

    /// <summary>The kind of grain that a type is.</summary>
    /// <exception cref="ArgumentException">No grain is called so.</exception>
    public static GrainKind KindOf(string type) => type switch
    {
        Cluster => GrainKind.Cluster,
        Node => GrainKind.Node,
        Gpu => GrainKind.Gpu,
        Job => GrainKind.Job,
        Gang => GrainKind.Gang,
        _ => throw new ArgumentException($"no grain is of the type '{type}'"),
    };

    /// <summary>Interface that all of them share.</summary>
    public const string MachineInterface = "Coordinator.Grains.IMachineGrain";

    /// <summary>Interface of the cluster.</summary>
    public const string ClusterInterface = "Coordinator.Grains.IClusterGrain";

    /// <summary>Interface of nodes.</summary>
    public const string NodeInterface = "Coordinator.Grains.INodeGrain";

    /// <summary>Interface of gpus.</summary>
    public const string GpuInterface = "Coordinator.Grains.IGpuGrain";

    /// <summary>Interface of jobs.</summary>
    public const string JobInterface = "Coordinator.Grains.ITrainingJobGrain";

    /// <summary>Interface of gangs.</summary>
    public const string GangInterface = "Coordinator.Grains.IGangGrain";

    /// <summary>Reminder of a job that still has something to do.</summary>
    public const string WakeReminder = "wake";
}
