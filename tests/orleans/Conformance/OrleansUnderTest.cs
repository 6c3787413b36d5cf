using Coordinator.Conformance;
using Coordinator.Grains.Hosting;
using Coordinator.Grains.Wire;
using Coordinator.Machines;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// A real Orleans silo with the shipping grains and their outbox. Their timers run on the transcript's time, over the transcript's disk.
/// </summary>
internal sealed class OrleansUnderTest : IConformanceEngine
{
    private readonly OrleansWorld world;
    private InProcessTestCluster cluster = null!;

    private OrleansUnderTest(OrleansWorld world) => this.world = world;

    public static Task<IConformanceEngine> Begin(EngineSetup setup) => Begin(setup, OrleansFences.None);

    public static Task<IConformanceEngine> Begin(EngineSetup setup, OrleansFences down) =>
        Begin(new OrleansWorld(setup, down, world => new OrleansDisk(world)));

    /// <summary>On the storage of a silo that is alone.</summary>
    public static Task<IConformanceEngine> BeginAlone(EngineSetup setup) => BeginAlone(setup, SqliteFences.None);

    public static Task<IConformanceEngine> BeginAlone(EngineSetup setup, SqliteFences down) =>
        Begin(new OrleansWorld(setup, OrleansFences.None, world => new SqliteDisk(world, down)));

    /// <summary>What the silo that lives now gives its grains.</summary>
    public ConformanceServices Services => world.Services!;

    public Task PostAsync(GrainAddress to, GrainMessage message)
    {
        world.Services!.Post(to, message);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Rest: no call is under way but to grains that wait for storage, and asking every grain, which waits for its turn, changes nothing.
    /// </summary>
    public async Task SettleAsync()
    {
        for (var quiet = 0; quiet < 2;)
        {
            var before = world.Activity;
            foreach (var grain in world.Known)
                await AskAsync(grain);
            while (world.Disk.IsBusy || world.Services!.UnderWay.Any(target => !world.Disk.IsBlocked(target)))
                await Task.Yield();
            quiet = world.Activity == before ? quiet + 1 : 0;
        }
    }

    public async Task<TimeSpan> AdvanceAsync(TimeSpan atMost)
    {
        var until = world.Fences.HasFlag(OrleansFences.WakesNobody) ? null : world.Time.UntilNext;
        var by = until < atMost ? until.Value : atMost;
        world.Time.Advance(by < TimeSpan.Zero ? TimeSpan.Zero : by);
        await SettleAsync();
        return by < TimeSpan.Zero ? TimeSpan.Zero : by;
    }

    public async Task KillAsync()
    {
        await EndAsync();
        await StartAsync();
    }

    public Task SetStorageAsync(StorageMode mode) => Do(() => world.Disk.SetMode(mode));

    public Task FailNextWriteAsync(WriteFault fault) => Do(() => world.Disk.FailNext(fault));

    public Task WriteAsAnotherAsync(GrainAddress grain, PersistState state) => Do(() => world.Disk.WriteAsAnother(grain, state));

    public Task<PersistState?> ReadStateAsync(GrainAddress grain) => Task.FromResult(world.Disk.Read(grain));

    public Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync() => world.Disk.ReadEventsAsync();

    public Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job) => world.Disk.ReadStepsAsync(job);

    public async Task<string?> DescribeAsync(GrainAddress grain)
    {
        if (world.Disk.IsBlocked(grain))
            throw new InvalidOperationException($"{grain} waits for storage, and so would who asks it");
        world.Know(grain);
        return await GrainCalls.Find(cluster.Client, grain).Describe();
    }

    public IReadOnlyList<SendToWorker> TakeSent() => world.TakeSent();

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        world.Disk.Dispose();
        if (world.FirstChanged() is { } changed)
            throw new InvalidOperationException($"a machine wrote to a message that it had sent: {changed}");
    }

    private static async Task<IConformanceEngine> Begin(OrleansWorld world)
    {
        var engine = new OrleansUnderTest(world);
        await engine.StartAsync();
        return engine;
    }

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private async Task StartAsync()
    {
        world.Lives++;
        world.Forget();
        world.Disk.Start();
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<ConformanceServices>(
                provider => new ConformanceServices(world, provider.GetRequiredService<IGrainFactory>()));
            silo.Services.AddSingleton<IGrainServices>(provider => provider.GetRequiredService<ConformanceServices>());

            // A clock that nobody moves: no timer on it ever fires.
            silo.Services.AddKeyedSingleton<TimeProvider>(
                TimeProviderNames.Grains, world.Fences.HasFlag(OrleansFences.WakesNobody) ? new ManualTimeProvider() : world.Time);
            silo.Services.AddGrainStorage(
                "Default", (provider, _) => world.Disk.StorageUntil(provider.GetRequiredService<ConformanceServices>().Stopping));
            silo.Services.AddMachineMessages();
            silo.UseInMemoryReminderService();
        });
        builder.ConfigureClient(client => client.Services.AddMachineMessages());
        cluster = builder.Build();
        await cluster.DeployAsync();
        world.Services = cluster.GetSiloServiceProvider(cluster.Silos[0].SiloAddress).GetRequiredService<ConformanceServices>();

        // Reminders load the stored jobs, and their requests load the cluster; settling asks whom it knows of, which does the same.
        foreach (var grain in world.Disk.Grains.Where(grain => grain.Kind is GrainKind.Cluster or GrainKind.Job or GrainKind.Gang))
            world.Know(grain);
    }

    private async Task EndAsync()
    {
        world.Services!.Die();
        world.Disk.Kill();
        await cluster.DisposeAsync();
    }

    private async Task AskAsync(GrainAddress grain)
    {
        if (world.Disk.IsBlocked(grain))
            return;
        var asked = GrainCalls.Find(cluster.Client, grain).Describe();

        // It may begin to wait for storage after we asked.
        while (!asked.IsCompleted && !world.Disk.IsBlocked(grain))
            await Task.Yield();

        // An activation that has given up answers nobody; the next one is asked instead.
        if (asked.IsFaulted)
            world.Active();
    }
}
