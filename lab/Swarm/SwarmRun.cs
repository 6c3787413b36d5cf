using System.Diagnostics;
using System.Globalization;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// A swarm from its start to its end: all connect, a job forms a generation, nodes die and come back, the silo dies. Each measure ends when
/// every agent concerned holds what it is to hold, by its own bytes, or misses, with what was waited for.
/// Files: the order of things here, the measures in the other part of the class.
/// </summary>
public sealed partial class SwarmRun
{

    // The views of a whole cluster and of a job with thousands of members are megabytes; asking for them all the time would be what is
    // measured.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Time between two looks at all agents: a 50th of a second, or 20 µs for each agent, so that looking takes a hundredth of a core. What
    /// is measured does not depend on it: each agent notes when it took what it holds.
    /// </summary>
    private readonly TimeSpan glance;

    private readonly SwarmOptions options;
    private readonly LocalCluster? cluster;
    private readonly CoordinatorClient client;
    private readonly AgentSwarm swarm;
    private readonly ReplyProbe probe;
    private readonly SiloLoad load;
    private readonly SeededDraw draw;
    private readonly Action<SwarmMeasure> measured;
    private readonly CancellationToken cancel;
    private readonly List<SwarmMeasure> measures = [];
    private JobId job;
    private long? formed;

    private SwarmRun(
        SwarmOptions options,
        LocalCluster? cluster,
        CoordinatorClient client,
        AgentSwarm swarm,
        ReplyProbe probe,
        Action<SwarmMeasure> measured,
        CancellationToken cancel)
    {
        (this.options, this.cluster, this.client, this.swarm, this.probe, this.measured, this.cancel) = (
            options, cluster, client, swarm, probe, measured, cancel);
        glance = TimeSpan.FromMilliseconds(Math.Max(20, 0.02 * options.Nodes));
        load = new SiloLoad(cluster);
        draw = new SeededDraw(options.Seed);
    }

    /// <summary>Runs it.</summary>
    /// <param name="options">What is to be done.</param>
    /// <param name="measured">Told each measure when it ends.</param>
    /// <param name="cancel">Ends it early; all processes have ended when it returns.</param>
    /// <exception cref="ClusterException">The silos did not come up.</exception>
    public static async Task<SwarmReport> RunAsync(SwarmOptions options, Action<SwarmMeasure> measured, CancellationToken cancel)
    {
        if (options.Backend is null)
            return await RunAsync(options, null, options.Silo, options.Token, measured, cancel);
        using var directory = RunDirectory.Take(options.WorkDirectory);
        var isGood = false;
        try
        {
            await using var cluster = await LocalCluster.StartAsync(
                new LocalClusterOptions { Workers = 0, Backend = options.Backend, Launch = AsForThousands }, directory, cancel);
            var report = await RunAsync(options, cluster, cluster.Url, SiloToken.Load(cluster.TokenFile), measured, cancel);
            isGood = report.Good;
            return report with { Logs = isGood ? null : directory.Path };
        }
        finally
        {
            if (isGood || cancel.IsCancellationRequested)
                directory.RemoveIfTemporary();
        }
    }

    /// <summary>
    /// A silo with thousands of connections keeps a few hundred megabytes for as long as they stand. With the runtime's own room for new
    /// objects, as much as the processor caches, it would look through them several times a second: docs/deploy.md says this to operators.
    /// </summary>
    private static ProcessStartInfo AsForThousands(string name, ProcessStartInfo command)
    {
        command.Environment["DOTNET_GCgen0size"] = "0x6000000";
        return command;
    }

    private static async Task<SwarmReport> RunAsync(
        SwarmOptions options, LocalCluster? cluster, string url, string token, Action<SwarmMeasure> measured, CancellationToken cancel)
    {
        using var client = new CoordinatorClient(url, token, options.Proxy);
        await using var swarm = new AgentSwarm(
            options.Shape, url, token, options.StepTime, options.BeatPeriod, options.Links, options.Seed, options.Proxy);
        await using var probe = new ReplyProbe(client, options.Shape);
        var run = new SwarmRun(options, cluster, client, swarm, probe, measured, cancel);
        await run.MeasureAllAsync();
        return new SwarmReport(
            options, run.measures, [.. swarm.Counts.Complaints], swarm.Counts.Lost, swarm.Counts.TriedAgain, swarm.Counts.LastReason);
    }

    private async Task MeasureAllAsync()
    {
        (string Key, string Name, Func<Task<(double? Seconds, string Detail)>> Run)[] all =
        [
            ("connected", "all connected", ConnectAsync),
            ("beats", "heartbeats", WatchAsync),
            ("formed", "generation formed", FormAsync),
            ("oneDead", "one node dies", () => KillAsync(1)),
            ("manyDead", $"{options.Together} die at once", () => KillAsync(options.Together)),
            ("back", "they come back", ReturnAsync),
            ("siloDead", "silo dies", KillSiloAsync),
            ("faults", "faults by rate", FaultsAsync),
        ];
        if (options.Gang)
        {
            all =
            [
                .. all[..2],
                ("gangStarts", "gang starts", StartGangAsync),
                ("gangNodeDead", "a node of it dies", KillInGangAsync),
                ("gangEnds", "gang ends", EndGangAsync),
            ];
        }

        foreach (var (key, name, run) in all)
        {
            if (!await MeasureAsync(key, name, run))
                return;
        }

        if (options.Gang)
            return;

        await client.CancelJobAsync(job, "measured", cancel);
    }

    private async Task<bool> MeasureAsync(string key, string name, Func<Task<(double? Seconds, string Detail)>> run)
    {
        load.Take();
        probe.Take();
        swarm.Counts.TakeRecordTimes();
        var (beats, heard, bytes, began) = (swarm.Counts.Beats, swarm.Counts.Heard, swarm.Counts.HeardBytes, Stopwatch.GetTimestamp());
        double? seconds = null;
        var (missed, detail) = (false, "");
        try
        {
            (seconds, detail) = await run();
        }
        catch (SwarmMissException miss)
        {
            (missed, detail) = (true, miss.Message);
        }

        var measure = new SwarmMeasure(
            key,
            name,
            seconds,
            missed,
            detail,
            (swarm.Counts.Beats - beats) / Stopwatch.GetElapsedTime(began).TotalSeconds,
            swarm.Counts.Heard - heard,
            swarm.Counts.HeardBytes - bytes,
            Percentiles.Of(probe.Take()),
            Percentiles.Of(swarm.Counts.TakeRecordTimes()),
            load.Take())
        { Generation = formed };
        formed = null;
        measures.Add(measure);
        measured(measure);
        return !missed;
    }

    /// <summary>Waits until something holds, looking at it now and then.</summary>
    /// <param name="pause">Time between two looks.</param>
    /// <param name="look">Whether it holds, and what is to be said where it does not.</param>
    /// <exception cref="SwarmMissException">It did not hold in time.</exception>
    private async Task UntilAsync(TimeSpan pause, Func<Task<(bool Holds, string What)>> look)
    {
        var began = Stopwatch.GetTimestamp();
        var what = "an answer of the silo";
        while (true)
        {
            try
            {
                (var holds, what) = await look();
                if (holds)
                    return;
            }
            catch (CoordinatorApiException busy) when (busy.MayRepeat)
            {
                what = busy.Message;
            }

            if (cluster is { Failure.IsCompletedSuccessfully: true })
                throw new ClusterException(await cluster.Failure);
            if (Stopwatch.GetElapsedTime(began) > options.Limit)
            {
                throw new SwarmMissException(
                    string.Create(CultureInfo.InvariantCulture, $"not within {options.Limit.TotalSeconds:0} s: {what}"));
            }
            await Task.Delay(pause, cancel);
        }
    }

    private Task UntilAsync(Func<(bool Holds, string What)> look) => UntilAsync(glance, () => Task.FromResult(look()));
}
