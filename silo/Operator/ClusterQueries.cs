using System.Globalization;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Operator;

/// <summary>What an operator asks a running cluster's silos, as a client of Orleans.</summary>
public static class ClusterQueries
{
    /// <summary>The cluster's silos with their state, one in a line.</summary>
    public static Task<IReadOnlyList<string>> SilosAsync(
        ClusterPlace cluster, CancellationToken cancel) => ClusterClient.AskAsync(cluster, async grains =>
    {
        var hosts = await grains.GetGrain<IManagementGrain>(0).GetDetailedHosts(onlyActive: false);
        return Lines(hosts.OrderBy(host => host.SiloName, StringComparer.Ordinal).ThenByDescending(host => host.StartTime)
            .Select(host => string.Create(
                CultureInfo.InvariantCulture,
                $"{host.SiloName}\t{host.Status}\t{host.SiloAddress.ToParsableString()}\tsince {host.StartTime:u}")));
    }, cancel);

    /// <summary>The activations on every silo by type, one type in a line.</summary>
    public static Task<IReadOnlyList<string>> GrainsAsync(
        ClusterPlace cluster, CancellationToken cancel) => ClusterClient.AskAsync(cluster, async grains =>
    {
        var counts = await grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics();
        return Lines(counts.OrderBy(
            count => count.GrainType, StringComparer.Ordinal).ThenBy(count => count.SiloAddress.ToParsableString(), StringComparer.Ordinal)
            .Select(count => string.Create(
                CultureInfo.InvariantCulture, $"{count.ActivationCount}\t{count.GrainType}\t{count.SiloAddress.ToParsableString()}")));
    }, cancel);

    /// <summary>One grain as it sees itself, as JSON; null for one that does not exist.</summary>
    public static Task<string?> GrainAsync(
        ClusterPlace cluster, GrainKind kind, string key, CancellationToken cancel) => ClusterClient.AskAsync(cluster, async grains =>
    {
        var view = await GrainCalls.Find(grains, new GrainAddress(kind, key)).Describe();
        return view == "null" ? null : view;
    }, cancel);

    private static IReadOnlyList<string> Lines(IEnumerable<string> lines) => [.. lines];
}
