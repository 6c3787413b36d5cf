using Coordinator.Machines.Jobs;
using Coordinator.Worker.Faults;

namespace Coordinator.Lab.Chaos;

/// <summary>How long a scenario's job trains undisturbed, so that its faults and their healing lie within.</summary>
public enum ChaosLength
{
    /// <summary>A few seconds.</summary>
    Short,

    /// <summary>About 20 s: what is given up comes back.</summary>
    Long,

    /// <summary>About 50 s: a fault of half a minute.</summary>
    Longest,
}

/// <summary>Where a scenario's processes run.</summary>
public enum ChaosPlace
{
    /// <summary>On this machine as it is.</summary>
    Here,

    /// <summary>Each worker on a host of its own, in a network namespace.</summary>
    OwnHosts,

    /// <summary>Workers with a small file system for checkpoints.</summary>
    SmallDisk,

    /// <summary>Silos, and workers from their second start on, with a wall clock that can be stepped.</summary>
    SteppedClock,
}

/// <summary>
/// A row of the table: a workload, faults, their healing, what is waited for, and what must hold at the end beside the hash and the record.
/// </summary>
/// <param name="Name">Name, in lower case with dashes.</param>
/// <param name="About">What is done, in a line.</param>
/// <param name="Act">Does it to a run that has just been submitted. When it returns, faults are healed; the job's end is waited for after
/// it.</param>
public sealed record ChaosScenario(string Name, string About, Func<ChaosRun, Task> Act)
{
    /// <summary>Worker processes, one rank each. At least 2.</summary>
    public int Workers { get; init; } = 3;

    /// <summary>Length of the job.</summary>
    public ChaosLength Length { get; init; } = ChaosLength.Short;

    /// <summary>Where it runs.</summary>
    public ChaosPlace Place { get; init; } = ChaosPlace.Here;

    /// <summary>Time limit from submission to the end; beside it the job's undisturbed time is allowed twice.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>What differs in the job. It must decide no bit.</summary>
    public Func<JobSpec, JobSpec> Change { get; init; } = spec => spec;

    /// <summary>Faults that a worker is started with: (run's plan, worker from 0, start from 1) to rules.</summary>
    public Func<ChaosPlan, int, int, IEnumerable<FaultRule>> Faults { get; init; } = (_, _, _) => [];

    /// <summary>What is wrong with a run that kept every common promise.</summary>
    public Func<ChaosRecord, IEnumerable<string>> Check { get; init; } = _ => [];

    /// <summary>Whether it belongs to the quick selection.</summary>
    public bool Quick { get; init; }

    /// <summary>What it needs.</summary>
    public IEnumerable<ChaosNeed> Needs => Place switch
    {
        ChaosPlace.OwnHosts => [ChaosNeed.Linux, ChaosNeed.Namespaces, ChaosNeed.Ip],
        ChaosPlace.SmallDisk => [ChaosNeed.Linux, ChaosNeed.Namespaces],
        ChaosPlace.SteppedClock => [ChaosNeed.Linux, ChaosNeed.FakeTime],
        _ => [ChaosNeed.Linux],
    };

    /// <summary>Why it is skipped on a machine; null where it can run.</summary>
    public string? WhySkipped(ChaosMachine machine) => Needs.Select(machine.WhyNot).FirstOrDefault(why => why is not null);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
