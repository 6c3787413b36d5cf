using System.Collections.Concurrent;
using Coordinator.Conformance;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>Real Orleans silos with the shipping grains. Their timers run on the transcript's time; storage and outbox are the transcript's.</summary>
internal sealed class OrleansConformanceEngine : IConformanceEngine
{
    private readonly OrleansWorld world;
    private readonly ConcurrentDictionary<GrainAddress, string> writers = new();
    private InProcessTestCluster cluster = null!;

    private OrleansConformanceEngine(OrleansWorld world) => this.world = world;

    public TranscriptStorage Storage => world.Storage;

    public IReadOnlyList<Told> Told => world.Told;

    public static async Task<OrleansConformanceEngine> StartAsync(TranscriptStorage storage, bool acknowledgesEarly = false)
    {
        var engine = new OrleansConformanceEngine(new OrleansWorld(storage) { AcknowledgesEarly = acknowledgesEarly });
        await engine.BeginAsync();
        return engine;
    }

    public Task PostAsync(GrainAddress to, GrainMessage message)
    {
        world.Services!.Post(to, message);
        return Task.CompletedTask;
    }

    /// <summary>Rest: no call is under way but to grains that wait for storage, and asking every grain, which waits for its turn, changes nothing.</summary>
    public async Task SettleAsync()
    {
        for (var quiet = 0; quiet < 2;)
        {
            var before = world.Activity;
            foreach (var grain in world.Known)
                await AskAsync(grain);
            while (world.Services!.UnderWay.Any(target => !world.IsBlocked(target)))
                await Task.Yield();
            quiet = world.Activity == before ? quiet + 1 : 0;
        }
    }

    public async Task AdvanceAsync(TimeSpan time)
    {
        // In pieces, so that a deadline which follows from another is met in its time.
        var piece = TimeSpan.FromMilliseconds(20);
        for (var left = time; left > TimeSpan.Zero; left -= piece)
        {
            world.Time.Advance(left < piece ? left : piece);
            await SettleAsync();
        }
    }

    public async Task KillAsync()
    {
        await EndAsync();
        await BeginAsync();
        await SettleAsync();
    }

    public void Disturb(ulong seed, double probability) => world.Disturb(seed, probability);

    public async Task<string?> DescribeAsync(GrainAddress grain)
    {
        var view = await GrainCalls.Find(cluster.Client, grain).Describe();
        return view == "null" ? null : view;
    }

    public async ValueTask DisposeAsync() => await EndAsync();

    private async Task BeginAsync()
    {
        world.Lives++;
        world.Forget();
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<IGrainServices>(provider => new ConformanceServices(world, provider.GetRequiredService<IGrainFactory>()));
            silo.Services.AddKeyedSingleton<TimeProvider>(TimeProviderNames.Grains, world.Time);
            silo.Services.AddGrainStorage("Default", (provider, _) => new OrleansStorage(world, writers, provider.GetRequiredService<IGrainServices>().Stopping));
            silo.UseInMemoryReminderService();
        });
        cluster = builder.Build();
        await cluster.DeployAsync();

        // The cluster and the jobs are loaded when a silo comes up: by its reminders, or by the first who speaks to them.
        world.Services = (ConformanceServices)cluster.GetSiloServiceProvider(cluster.Silos[0].SiloAddress).GetRequiredService<IGrainServices>();
        foreach (var grain in world.Storage.List().Where(grain => grain.Kind is GrainKind.Cluster or GrainKind.Job))
            world.Know(grain);
    }

    private async Task EndAsync()
    {
        world.Services!.Die();
        await cluster.DisposeAsync();
    }

    private async Task AskAsync(GrainAddress grain)
    {
        if (world.IsBlocked(grain))
            return;
        var asked = GrainCalls.Find(cluster.Client, grain).Describe();

        // It may begin to wait for storage after we asked.
        while (!asked.IsCompleted && !world.IsBlocked(grain))
            await Task.Yield();
        if (asked.IsFaulted)
            world.Active();
    }
}
