using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;

namespace Coordinator.Bench.Limit;

/// <summary>Orleans by itself: grains that keep nothing, in one silo without storage, sockets or machines.</summary>
internal static class BareLimit
{
    public static async Task RunAsync(LimitSize size, int rounds, bool isAcknowledged)
    {
        Console.WriteLine(isAcknowledged
            ? "Orleans by itself, acknowledged, 256 calls under way"
            : "Orleans by itself, one way, as many at once as there are");
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Services.AddSingleton(size);
        builder.Services.AddSingleton<LimitRoad>();
        builder.UseOrleans(LimitSilo.Configure);
        using var host = builder.Build();
        await LimitClock.MeasureAsync("silo ready", () => host.StartAsync());
        var road = host.Services.GetRequiredService<LimitRoad>();
        road.IsAcknowledged = isAcknowledged;
        var members = new LimitMembers(0, [.. size.Names]);

        var all = road.Count.Until(size.Nodes * size.GpusPerNode);
        await LimitClock.MeasureAsync($"{size.Nodes * (size.GpusPerNode + 1):N0} grains active", () =>
        {
            foreach (var node in members.Names)
                road.ToNode(node, new LimitWord(LimitKind.Connect, members));
            return all;
        });
        for (var round = 1; round <= rounds; round++)
        {
            members = members with { Generation = round };
            all = road.Count.Until(size.Nodes);
            await LimitClock.MeasureAsync($"generation {round} of {size.Nodes:N0} ranks", () =>
            {
                road.ToJob(new LimitWord(LimitKind.Form, members));
                return all;
            });
        }

        var grains = host.Services.GetRequiredService<IGrainFactory>();
        await LimitClock.MeasureAsync($"{size.Nodes:N0} heartbeats", () => Parallel.ForEachAsync(
            members.Names, new ParallelOptions
            {
                MaxDegreeOfParallelism = 256,
            }, async (node, _) => await grains.GetGrain<ILimitNode>(node).Take([new LimitWord(LimitKind.Beat, members)])));
        await host.StopAsync();
    }
}
