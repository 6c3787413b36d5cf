using System.CommandLine;
using System.Globalization;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Silo.Operator;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Commands;

/// <summary>Commands that talk to a running cluster's grains as an Orleans client.</summary>
internal static class OperatorCommands
{
    private const int NotFound = 3;

    public static IEnumerable<Command> Create() => [Silos(), Grains(), Grain()];

    private static Command Silos() => Make("silos", "List the cluster's silos with their state.", [], async (grains, _) =>
    {
        var hosts = await grains.GetGrain<IManagementGrain>(0).GetDetailedHosts(onlyActive: false);
        foreach (var host in hosts.OrderBy(host => host.SiloName, StringComparer.Ordinal).ThenByDescending(host => host.StartTime))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{host.SiloName}\t{host.Status}\t{host.SiloAddress.ToParsableString()}\tsince {host.StartTime:u}"));
        return 0;
    });

    private static Command Grains() => Make("grains", "Count the activations on every silo, by type.", [], async (grains, _) =>
    {
        var counts = await grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics();
        foreach (var count in counts.OrderBy(count => count.GrainType, StringComparer.Ordinal).ThenBy(count => count.SiloAddress.ToParsableString(), StringComparer.Ordinal))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count.ActivationCount}\t{count.GrainType}\t{count.SiloAddress.ToParsableString()}"));
        return 0;
    });

    private static Command Grain()
    {
        var kind = new Argument<GrainKind>("kind") { Description = "cluster, node, gpu or job." };
        var key = new Argument<string>("key") { Description = "Key of the grain: the node's name, node/index of a gpu, the job's id.", DefaultValueFactory = _ => "cluster" };
        return Make("grain", "Show one grain as it sees itself, as JSON.", [kind, key], async (grains, parsed) =>
        {
            var address = new GrainAddress(parsed.GetValue(kind), parsed.GetValue(key)!);
            var view = await GrainCalls.Find(grains, address).Describe();
            if (view == "null")
            {
                Console.Error.WriteLine($"error: there is no {address.Kind.ToString().ToLowerInvariant()} '{address.Key}'.");
                return NotFound;
            }

            Console.WriteLine(view);
            return 0;
        });
    }

    private static Command Make(string name, string description, Argument[] arguments, Func<IGrainFactory, ParseResult, Task<int>> run)
    {
        var cluster = ClusterOptionSet.Create();
        var command = new Command(name, description) { cluster.Database, cluster.Cluster, cluster.GatewayPort };
        foreach (var argument in arguments)
            command.Add(argument);
        command.SetAction((parsed, cancel) => ClusterClient.RunAsync(
            cluster.ReadDatabase(parsed),
            parsed.GetValue(cluster.Cluster)!,
            parsed.GetValue(cluster.GatewayPort),
            grains => run(grains, parsed),
            cancel));
        return command;
    }
}
