using System.Diagnostics;
using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Lab.Swarm;

/// <content>What is measured of a gang on all nodes but one, which is its spare.</content>
public sealed partial class SwarmRun
{
    private JobId gang;

    /// <summary>
    /// From the gang's submission until every node of its first generation has started its processes, and until the gang knows it.
    /// </summary>
    private async Task<(double?, string)> StartGangAsync()
    {
        var began = Stopwatch.GetTimestamp();
        var spec = new GangSpec
        {
            Name = "swarm",
            Command = ["program"],
            MinNodes = options.Nodes - 1,
            MaxNodes = options.Nodes - 1,
            GpusPerNode = options.GpusPerNode,
        };
        gang = (await client.SubmitGangAsync(spec, cancel: cancel)).Id;
        return await UntilGangRunsAsync(began, 1, "");
    }

    /// <summary>
    /// From the death of a node until every node of the next generation has started its processes. The dead one's lease is waited for: it
    /// may be alive.
    /// </summary>
    private async Task<(double?, string)> KillInGangAsync()
    {
        var running = swarm.Agents.Where(agent => agent.GangOf(gang).Generation > 0).ToArray();
        var victim = running[draw.Below(running.Length)];
        var generation = victim.GangOf(gang).Generation;
        var began = Stopwatch.GetTimestamp();
        swarm.Kill([victim]);
        dead.Add(victim);
        return await UntilGangRunsAsync(began, generation + 1, $"{victim.Node} died; ");
    }

    private async Task<(double?, string)> EndGangAsync()
    {
        var began = Stopwatch.GetTimestamp();
        await client.CancelGangAsync(gang, "measured", cancel);
        await UntilAsync(() => (swarm.Agents.All(agent => agent.GangOf(gang).Generation == 0), "some nodes run processes still"));
        swarm.Start();
        return (Stopwatch.GetElapsedTime(began).TotalSeconds, "all processes have ended");
    }

    private async Task<(double?, string)> UntilGangRunsAsync(long began, long generation, string text)
    {
        var wanted = options.Nodes - 1;
        await UntilAsync(() =>
        {
            var started = swarm.Agents.Count(agent => agent.GangOf(gang).Generation >= generation);
            return (started == wanted, $"{started} of {wanted} nodes have started generation {generation}");
        });
        var last = Stopwatch.GetElapsedTime(began, swarm.Agents.Max(agent => agent.GangOf(gang).At));
        await UntilAsync(Look / 4, async () =>
        {
            var view = await client.GetGangAsync(gang, cancel);
            var known = view?.Nodes.Count(node => node.Phase == "running") ?? 0;
            return (view?.Generation >= generation && known == wanted, $"the gang knows of {known} of {wanted} nodes that they run");
        });
        return (last.TotalSeconds, string.Create(CultureInfo.InvariantCulture, $"{text}{wanted * options.GpusPerNode} processes on "
            + $"{wanted} nodes run generation {generation}; the gang knows after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s"));
    }
}
