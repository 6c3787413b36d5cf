using Coordinator.Runs.Clusters;

namespace Coordinator.Lab.Swarm;

/// <summary>What a swarm consists of, and what is done to it.</summary>
public sealed record SwarmOptions
{
    /// <summary>Nodes. At least 2.</summary>
    public required int Nodes { get; init; }

    /// <summary>Whether a gang is measured in place of a training job: on all nodes but one, its spare.</summary>
    public bool Gang { get; init; }

    /// <summary>Gpus of each. At least 1.</summary>
    public required int GpusPerNode { get; init; }

    /// <summary>Ranks of the job, evenly over the nodes. 2 to all gpus.</summary>
    public required int Ranks { get; init; }

    /// <summary>Time of a step.</summary>
    public TimeSpan StepTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time between two heartbeats of a node.</summary>
    public TimeSpan BeatPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Nodes that a node has a link to on the data plane, and that notice its death. At least 1.</summary>
    public int Links { get; init; } = 16;

    /// <summary>Nodes that die at once. 1 to fewer than there are.</summary>
    public int Together { get; init; } = 100;

    /// <summary>How long heartbeats alone are watched.</summary>
    public TimeSpan Watch { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Nodes that die in an hour while faults are let happen; 0: none do.</summary>
    public double FailuresPerHour { get; init; }

    /// <summary>How long faults are let happen.</summary>
    public TimeSpan FaultTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Time until a node that died by rate comes back.</summary>
    public TimeSpan Repair { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long each measure may take.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Decides who dies, when, and what telemetry says.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>A defect to be noticed.</summary>
    public SwarmInjection Inject { get; init; }

    /// <summary>Silo processes to start; null: <see cref="Silo"/> is there already.</summary>
    public SiloBackend? Backend { get; init; } = SiloBackend.Alone;

    /// <summary>Address of silos that are there already, with commas between them.</summary>
    public string Silo { get; init; } = "";

    /// <summary>Their token.</summary>
    public string Token { get; init; } = "";

    /// <summary>Proxy on the way to them; null: none.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>Where databases and logs go and stay; null: a temporary directory.</summary>
    public string? WorkDirectory { get; init; }

    /// <summary>The swarm that follows.</summary>
    public SwarmShape Shape => new(Nodes, GpusPerNode, (Ranks + Nodes - 1) / Nodes);
}
