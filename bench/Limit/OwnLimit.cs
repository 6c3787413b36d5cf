using Coordinator.Grains.Hosting;
using Coordinator.Grains.Wire;
using Coordinator.Lab.Swarm;
using Coordinator.Machines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Bench.Limit;

/// <summary>The product's grains and machines in the same silo: still no storage and no sockets, and workers that answer at once.</summary>
internal static class OwnLimit
{
    private static readonly WorkerSession Session = new(1, 1);

    // A node that says nothing for five seconds counts as silent.
    private static readonly TimeSpan Beats = TimeSpan.FromSeconds(2);

    public static async Task RunAsync(LimitSize size, int rounds)
    {
        Console.WriteLine("the product's grains and machines, with its outbox");
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Services.AddSingleton<PlayedWorkers>();
        builder.Services.AddSingleton<IGrainServices>(services => services.GetRequiredService<PlayedWorkers>());
        builder.Services.AddMachineMessages();
        builder.UseOrleans(silo =>
        {
            LimitSilo.Configure(silo);
            silo.Services.AddGrainStorage("Default", (_, _) => new NoStorage());
        });
        using var host = builder.Build();
        await LimitClock.MeasureAsync("silo ready", () => host.StartAsync());
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        var workers = host.Services.GetRequiredService<PlayedWorkers>();
        var shape = new SwarmShape(size.Nodes, size.GpusPerNode, 1);
        NodeId[] nodes = [.. Enumerable.Range(0, size.Nodes).Select(shape.NameOf)];
        var gpus = shape.Describe();

        var beat = new WorkerSaid(Session, new Heartbeat(1, []));
        using var end = new CancellationTokenSource();
        var beating = BeatAsync(workers, nodes, beat, end.Token);
        var all = workers.Taken.Until(size.Nodes);
        await LimitClock.MeasureAsync($"{size.Nodes:N0} nodes connected and known", () =>
        {
            foreach (var node in nodes)
            {
                workers.Post(
                    GrainAddress.Of(node),
                    new WorkerConnected(Session, new Hello { Node = node, Session = Session, DataAddress = $"{node}:7000", Gpus = gpus }));
            }
            return all;
        });
        for (var round = 1; round <= rounds; round++)
        {
            var job = new JobId($"limit-{round}");
            all = workers.Advanced.Until(size.Nodes);
            var running = workers.UntilRunning(job);
            await LimitClock.MeasureAsync($"generation of job {round}, {size.Nodes:N0} ranks", async () =>
            {
                workers.Post(GrainAddress.Of(job), new SubmitJob(
                    SwarmShape.JobOf(size.Nodes, TimeSpan.FromMinutes(2)) with { Secret = Convert.ToBase64String(new byte[32]) }));
                await all;
                await running;
            });
            all = workers.Released.Until(size.Nodes);
            workers.Post(GrainAddress.Of(job), new CancelJob("measured"));
            await all;
        }

        await end.CancelAsync();
        await beating;
        await LimitClock.MeasureAsync($"{size.Nodes:N0} heartbeats", () => Parallel.ForEachAsync(
            nodes, new ParallelOptions
            {
                MaxDegreeOfParallelism = 256,
            }, async (node, _) => await GrainCalls.Deliver(grains, GrainAddress.Of(node), beat)));
        Console.WriteLine($"  generations formed: {workers.Formed}; lost on the way: {workers.Lost}");
        await host.StopAsync();
    }

    /// <summary>Every node says each two seconds that it is there: what that costs is in what is measured meanwhile.</summary>
    private static async Task BeatAsync(PlayedWorkers workers, NodeId[] nodes, WorkerSaid beat, CancellationToken end)
    {
        using var period = new PeriodicTimer(Beats);
        try
        {
            while (await period.WaitForNextTickAsync(end))
            {
                foreach (var node in nodes)
                    workers.Post(GrainAddress.Of(node), beat);
            }
        }
        catch (OperationCanceledException)
        {
            // It is measured to its end.
        }
    }

    /// <summary>Takes every state and keeps none.</summary>
    private sealed class NoStorage : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            (grainState.State, grainState.RecordExists) = (Activator.CreateInstance<T>(), false);
            return Task.CompletedTask;
        }

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.CompletedTask;

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.CompletedTask;
    }
}
