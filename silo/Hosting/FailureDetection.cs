using Orleans.Configuration;

namespace Coordinator.Silo.Hosting;

/// <summary>
/// How silos find out that one of them is dead. Until they have, its grains are silent; so Orleans' defaults, which take 11 to 14 s,
/// are far too patient for a coordinator, and a detector that evicts silos for a long garbage collection or a busy host is worse still:
/// every eviction loads its grains elsewhere.
/// <para>
/// A silo is probed every <see cref="ProbeTimeout"/>; after one missed probe another silo is asked to probe it too, and if that one
/// confirms, both votes stand at once. So a silo that is silent for 0.5 s is never evicted and one that is silent for 2 s always is;
/// docs/evidence has the measurements, also under four times oversubscribed cores.
/// </para>
/// </summary>
public static class FailureDetection
{
    /// <summary>Time between two probes, and time that a probe may take.</summary>
    public static TimeSpan ProbeTimeout { get; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// A call to a grain of a dead silo fails when the death is known, and within a silo none is lost. So this is for what nobody notices,
    /// and far longer than silos take where thousands of nodes come at once: a call that is given up early is only made again, behind all
    /// the others.
    /// </summary>
    public static TimeSpan ResponseTimeout { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Sets the options.</summary>
    public static void Configure(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = ProbeTimeout;

        // Orleans adapts the timeout to what it measures. Below ours a pause of a garbage collection would count as silence; far above
        // it a frozen silo would stay for seconds.
        options.MinProbeTimeout = ProbeTimeout;
        options.MaxProbeTimeout = 2 * ProbeTimeout;
        options.NumMissedProbesLimit = 2;
        options.NumVotesForDeathDeclaration = 2;
        options.EnableIndirectProbes = true;

        // A silo whose own threads come late is told apart from a peer that is silent.
        options.ExtendProbeTimeoutDuringDegradation = true;
        options.LocalHealthDegradationMonitoringPeriod = TimeSpan.FromSeconds(2);

        // Gossip tells of changes at once; the table is for whom gossip did not reach.
        options.TableRefreshTimeout = TimeSpan.FromSeconds(2);

        // Where most silos died at once, those that are left, and the first ones back, must not wait for votes of the dead: an entry
        // without a sign of life for 3 s counts no more. That alone evicts nobody; probes must have been missed as well.
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(1);
        options.NumMissedTableIAmAliveLimit = 3;
        options.DefunctSiloExpiration = TimeSpan.FromHours(1);
        options.DefunctSiloCleanupPeriod = TimeSpan.FromMinutes(10);
    }
}
