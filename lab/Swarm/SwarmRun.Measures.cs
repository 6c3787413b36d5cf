using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Clusters;

namespace Coordinator.Lab.Swarm;

/// <content>What is measured.</content>
public sealed partial class SwarmRun
{
    private readonly List<SwarmAgent> dead = [];

    /// <summary>The agents whose nodes are members by what they hold themselves.</summary>
    private SwarmAgent[] Holders => [.. swarm.Agents.Where(agent => agent.Alive && agent.Includes(job, agent.Number))];

    /// <summary>From the first connection until every node is welcome and the cluster knows every gpu.</summary>
    private async Task<(double?, string)> ConnectAsync()
    {
        var began = Stopwatch.GetTimestamp();
        swarm.Start();
        await UntilAsync(AllWelcome);
        var welcome = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await UntilAsync(Look, async () =>
        {
            var view = await client.GetClusterAsync(cancel);
            var gpus = view?.Nodes.Where(node => node.Up).Sum(node => node.Gpus) ?? 0;
            return (gpus == options.Nodes * options.GpusPerNode, $"the cluster knows {gpus} of {options.Nodes * options.GpusPerNode} gpus");
        });
        return (Stopwatch.GetElapsedTime(began).TotalSeconds, string.Create(
            CultureInfo.InvariantCulture,
            $"all {options.Nodes} welcome after {welcome:0.0} s, then all {options.Nodes * options.GpusPerNode} gpus known"));
    }

    private (bool, string) AllWelcome()
    {
        var welcome = swarm.Agents.Count(agent => agent.IsWelcome);
        return (welcome == options.Nodes, $"{welcome} of {options.Nodes} nodes are welcome; last trouble: "
            + $"{(swarm.Counts.LastReason is { Length: > 0 } reason ? reason : "none")}");
    }

    /// <summary>Nothing happens but heartbeats and telemetry.</summary>
    private async Task<(double?, string)> WatchAsync()
    {
        await Task.Delay(options.Watch, cancel);
        var welcome = swarm.Agents.Count(agent => agent.IsWelcome);
        if (welcome < options.Nodes)
            throw new SwarmMissException($"only {welcome} of {options.Nodes} nodes are still connected: {swarm.Counts.LastReason}");
        return (options.Watch.TotalSeconds, "heartbeats and telemetry alone");
    }

    /// <summary>From the job's submission until every member holds its first generation, and until all have applied a step.</summary>
    private async Task<(double?, string)> FormAsync()
    {
        var began = Stopwatch.GetTimestamp();
        swarm.Counts.ForgetSteps();
        job = (await client.SubmitAsync(SwarmShape.JobOf(options.Ranks, options.Limit), cancel: cancel)).Id;
        var now = await UntilHeldAsync();
        var held = Stopwatch.GetElapsedTime(began, now.HeldAt);
        await UntilRunningAsync(now);
        formed = now.Generation;
        return (held.TotalSeconds, string.Create(
            CultureInfo.InvariantCulture,
            $"{now.Describe(job)}; all have applied a step after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s"));
    }

    /// <summary>Where every rank has a node of its own, or its share of one, as many nodes hold the generation as that takes.</summary>
    private bool IsCovered(int holders) => holders >= (options.Ranks + options.Shape.RankGpus - 1) / options.Shape.RankGpus;

    /// <summary>From the death of some nodes at once until every survivor holds a generation without them.</summary>
    private async Task<(double?, string)> KillAsync(int count)
    {
        var before = Holders;
        var victims = draw.Order(before.Length).Take(count).Select(index => before[index]).ToArray();
        SwarmAgent[] survivors = [.. before.Except(victims)];
        if (options.Inject == SwarmInjection.Skip)
            survivors[0].SkipGenerations();
        var generation = survivors.Max(agent => agent.HeldOf(job).Generation);
        var began = Stopwatch.GetTimestamp();
        swarm.Kill(victims);
        dead.AddRange(victims);
        Agreement now = null!;
        await UntilAsync(() =>
        {
            now = swarm.Look(job, survivors, generation);
            var including = now.IsWhole ? victims.FirstOrDefault(
                victim => survivors.Any(agent => agent.Includes(job, victim.Number))) : null;
            return (
                now.IsWhole && including is null,
                now.Describe(job) + (including is null ? "" : $"; {including.Node}, which is dead, is still a member"));
        });
        var held = Stopwatch.GetElapsedTime(began, now.HeldAt);
        await UntilRunningAsync(now);
        return (
            held.TotalSeconds,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{(count == 1 ? $"{victims[0].Node} is out" : $"{count} are out")} at all {survivors.Length} survivors: "
                    + $"{now.Describe(job)}; all have applied a step after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s"));
    }

    /// <summary>From the start of the dead nodes' new processes until every member holds a generation with all ranks.</summary>
    private async Task<(double?, string)> ReturnAsync()
    {
        var began = Stopwatch.GetTimestamp();
        var back = dead.Count;
        swarm.Start();
        dead.Clear();
        var now = await UntilWholeAsync();
        return (Stopwatch.GetElapsedTime(began, now.HeldAt).TotalSeconds, string.Create(
            CultureInfo.InvariantCulture,
            $"{back} came back: {now.Describe(job)}; all have applied a step after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s"));
    }

    /// <summary>
    /// From SIGKILL to a silo until every node is welcome again, every member runs under the new activation of the job, and a step applied
    /// since is recorded.
    /// </summary>
    private async Task<(double?, string)> KillSiloAsync()
    {
        if (cluster is null)
            return (null, "not measured: the silo is none of this command's processes");
        long incarnation = 0;
        await UntilAsync(Look / 4, async () =>
        {
            var view = await client.GetJobAsync(job, cancel);
            incarnation = view?.Incarnation ?? 0;
            var training = view?.Members.Count(member => member.State == "training") ?? 0;
            return (
                training == options.Ranks, $"before the silo is killed: it knows of {training} of {options.Ranks} ranks that they train");
        });
        var generation = swarm.Look(job, Holders, 0).Generation;

        // The job's own: what it knew of its ranks has to be asked for again. Silos are called what their processes are.
        var holder = (
            await client.GetEventsAsync(job, limit: 1, newest: true, cancel: cancel)).Items.Select(stored => stored.Silo).FirstOrDefault();
        var names = cluster.Children.Where(child => LocalCluster.IsSilo(child.Name)).Select(child => child.Name).ToList();
        var began = Stopwatch.GetTimestamp();
        if (cluster.KillSilo(Math.Max(0, names.FindIndex(name => name == holder))) is not { } killed)
            throw new SwarmMissException("the silo was down already");
        var applied = swarm.Plane.AppliedOf(job);

        // With several silos only those whose own has died lose their connection.
        await UntilAsync(() => options.Backend is { Silos: 1 }
            ? (
                swarm.Agents.All(agent => agent.WelcomeAt > began),
                $"{swarm.Agents.Count(agent => agent.WelcomeAt > began)} of {options.Nodes} nodes are welcome at the new silo")
            : AllWelcome());
        var welcome = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await UntilAsync(() => (swarm.Counts.Recorded > applied, $"no step after {applied} is recorded"));
        var recorded = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var (now, after) = (await UntilWholeAsync(), incarnation);
        await UntilAsync(Look / 4, async () =>
        {
            var view = await client.GetJobAsync(job, cancel);
            after = view?.Incarnation ?? incarnation;
            var reached = view?.Members.Count(member => member.Connected) ?? 0;
            var isNew = after > incarnation || options.Backend is { Silos: > 1 };
            return (
                isNew && view is { Phase: "running" } && reached == options.Ranks,
                $"the job is {view?.Phase ?? "away"} under incarnation {after} and reaches {reached} of {options.Ranks} members");
        });
        return (
            Stopwatch.GetElapsedTime(began).TotalSeconds,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{killed.Name} (process {killed.Pid}): all welcome after {welcome:0.0} s, a step applied since recorded after "
                    + $"{recorded:0.0} s, all {options.Ranks} members reached by incarnation {after} (it was {incarnation}), in generation "
                    + $"{now.Generation} (it was {generation})"));
    }

    /// <summary>Nodes die by rate and come back when they are repaired; at the end all are members again.</summary>
    private async Task<(double?, string)> FaultsAsync()
    {
        if (options.FailuresPerHour <= 0)
            return (null, "not asked for: --failures-per-hour");
        var began = Stopwatch.GetTimestamp();
        var generation = swarm.Look(job, Holders, 0).Generation;
        List<(SwarmAgent Agent, TimeSpan Back)> away = [];
        List<Task<double>> outs = [];
        var next = Gap();
        while (Stopwatch.GetElapsedTime(began) is var at && at < options.FaultTime)
        {
            foreach (var (agent, back) in away.Where(pair => at >= pair.Back).ToArray())
            {
                agent.Start();
                away.Remove((agent, back));
            }

            if (at >= next)
            {
                next += Gap();
                var running = Holders;
                var victim = running[draw.Below(running.Length)];
                swarm.Kill([victim]);
                away.Add((victim, at + options.Repair));
                outs.Add(UntilOutAsync(victim));
            }

            await Task.Delay(glance, cancel);
        }

        var seconds = await Task.WhenAll(outs);
        swarm.Start();
        var now = await UntilWholeAsync();
        var text = outs.Count == 0 ? "none died" : string.Create(CultureInfo.InvariantCulture, $"{outs.Count} died, out at all survivors "
            + $"after {Percentiles.Of(seconds)!.Median:0.00} s (median), {seconds.Max():0.00} s (most)");
        return (Stopwatch.GetElapsedTime(began).TotalSeconds, string.Create(
            CultureInfo.InvariantCulture, $"{text}; {now.Generation - generation} generations; at the end {now.Describe(job)}"));

        TimeSpan Gap() => TimeSpan.FromHours(-Math.Log(1 - draw.Fraction()) / options.FailuresPerHour);
    }

    /// <summary>Seconds until no survivor's membership has a node any more.</summary>
    private async Task<double> UntilOutAsync(SwarmAgent victim)
    {
        var began = Stopwatch.GetTimestamp();
        await UntilAsync(() =>
        {
            var including = swarm.Agents.FirstOrDefault(
                agent => agent != victim && agent.Alive && agent.Includes(job, agent.Number) && agent.Includes(job, victim.Number));
            return (including is null, $"{victim.Node}, which is dead, is still a member for {including?.Node}");
        });
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private Task<Agreement> UntilWholeAsync() =>
        UntilHeldAsync(now => swarm.Plane.IsRunning(job, now.Generation), "; not all have applied a step in it");

    /// <summary>
    /// Waits until nodes enough hold one generation of all ranks that are wanted, and until more holds of it, where that is said.
    /// </summary>
    private async Task<Agreement> UntilHeldAsync(Func<Agreement, bool>? more = null, string lack = "")
    {
        Agreement now = null!;
        await UntilAsync(() =>
        {
            var holders = Holders;
            if (holders.Length == 0)
                return (false, "no node holds a generation");
            now = swarm.Look(job, holders, 0);
            var hasMore = more is null || more(now);
            return (
                now.IsWhole && now.Members == options.Ranks && IsCovered(holders.Length) && hasMore,
                $"{now.Describe(job)}, {options.Ranks} ranks are wanted{(hasMore ? "" : lack)}");
        });
        return now;
    }

    private Task UntilRunningAsync(Agreement held) => UntilAsync(() =>
    {
        var newest = swarm.Look(job, Holders, 0);
        return (
            newest.IsWhole && swarm.Plane.IsRunning(job, newest.Generation),
            $"{newest.Describe(job)}; not all have applied a step in it (generation {held.Generation} was held by all)");
    });
}
