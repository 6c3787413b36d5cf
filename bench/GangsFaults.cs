using System.Globalization;
using System.Runtime.InteropServices;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;

namespace Coordinator.Bench;

/// <summary>
/// Three to five faults of a seed, each some time after the gang runs again: processes, workers, hosts and silos that are killed and
/// frozen, and, where nodes have networks of their own, nodes that are cut off.
/// </summary>
/// <param name="cluster">The cluster, whose workers are started again by their supervisors.</param>
/// <param name="calls">Its silo.</param>
/// <param name="job">The gang.</param>
/// <param name="network">The nodes' hosts; null: they share this one's network.</param>
internal sealed partial class GangsFaults(LocalCluster cluster, SiloCalls calls, JobId job, NetworkHosts? network)
{
    private const int Kill = 9;
    private const int Stop = 19;
    private const int Continue = 18;
    private const int Kinds = 8;
    private const int KindsOfNetworks = 11;
    private readonly HashSet<int> excused = [];
    private readonly List<string> struck = [];

    /// <summary>What struck, in order.</summary>
    public IReadOnlyList<string> Struck => struck;

    /// <summary>Processes that stood still for longer than their lease together with their agent.</summary>
    public IReadOnlySet<int> Excused => excused;

    /// <summary>Faults that may cost a start: the death or the freeze of a silo, or of the spare, is none.</summary>
    public int Disturbing { get; private set; }

    /// <summary>Strikes until the schedule or the gang is over.</summary>
    public async Task StrikeAsync(int seed, TimeSpan lease, CancellationToken cancel)
    {
        var random = new Random(seed);
        var count = random.Next(3, 6);
        for (var i = 0; i < count; i++)
        {
            var kind = random.Next(network is null ? Kinds : KindsOfNetworks);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(500, 4000)), cancel);
            var view = await calls.AskAsync((silo, limit) => silo.GetGangAsync(job, limit), cancel);
            if (view is null or { Phase: "finished" or "failed" })
                return;
            await StrikeAsync(kind, random.Next(3), random, view, lease, cancel);
        }
    }

    private async Task StrikeAsync(
        int kind, int worker, Random random, GangView view, TimeSpan lease, CancellationToken cancel)
    {
        var shortTime = TimeSpan.FromMilliseconds(random.Next(300, (int)(lease.TotalMilliseconds / 2)));
        var anyTime = TimeSpan.FromMilliseconds(random.Next(500, (int)(2.5 * lease.TotalMilliseconds)));
        var name = LocalCluster.WorkerName(worker);
        var programs = view.Nodes.Where(node => node.Node.Value == name).SelectMany(node => node.Ranks)
            .Where(rank => rank is { ProcessId: > 0, Exit: null }).Select(rank => rank.ProcessId).ToArray();
        var agent = cluster.Children.Single(child => child.Name == name).Pid;
        switch (kind)
        {
            case 0 when programs.Length > 0:
                Note($"process on {name} killed", disturbs: true);
                _ = Send(programs[random.Next(programs.Length)], Kill);
                break;
            case 1 when programs.Length > 0:
                await FreezeAsync($"process on {name}", programs[..1], shortTime, disturbs: false, cancel);
                break;
            case 2:
                Note($"{name} killed", disturbs: true);
                cluster.KillWorker(worker);
                break;
            case 3:
                Note("silo killed", disturbs: false);
                cluster.KillSilo(0);
                break;
            case 4:
                // Shorter than the lease: an agent that stands still for longer cannot kill, and is excused.
                await FreezeAsync(name, [agent], shortTime, disturbs: true, cancel);
                break;
            case 5:
                Note("all killed", disturbs: true);
                cluster.KillAll();
                break;
            case 6:
                await FreezeAsync(
                    "silo", [cluster.Children.First(child => LocalCluster.IsSilo(child.Name)).Pid], anyTime, disturbs: false, cancel);
                break;
            case 7:
                if (anyTime > lease)
                    excused.UnionWith(programs);
                await FreezeAsync($"{name} with its processes", [.. programs, agent], anyTime, disturbs: true, cancel);
                break;
            case 8 or 9:
                await CutAsync($"{name} cut off", () => network!.Unplug(worker), anyTime, cancel);
                break;
            case 10:
                await CutAsync(
                    $"{name} cut off from the silo",
                    () =>
                    {
                        network!.Deafen(worker, NetworkHosts.SiloHost);
                        network.Deafen(NetworkHosts.SiloHost, worker);
                    },
                    anyTime,
                    cancel);
                break;
        }
    }

    private async Task FreezeAsync(string what, int[] processes, TimeSpan time, bool disturbs, CancellationToken cancel)
    {
        Note(string.Create(CultureInfo.InvariantCulture, $"{what} frozen for {time.TotalSeconds:0.0} s"), disturbs);
        foreach (var process in processes.Where(process => process > 0))
            _ = Send(process, Stop);
        try
        {
            await Task.Delay(time, cancel);
        }
        finally
        {
            foreach (var process in processes.Where(process => process > 0))
                _ = Send(process, Continue);
        }
    }

    private async Task CutAsync(string what, Action cut, TimeSpan time, CancellationToken cancel)
    {
        Note(string.Create(CultureInfo.InvariantCulture, $"{what} for {time.TotalSeconds:0.0} s"), disturbs: true);
        cut();
        await Task.Delay(time, cancel);
        network!.Heal();
    }

    private void Note(string fault, bool disturbs)
    {
        struck.Add(fault);
        Disturbing += disturbs ? 1 : 0;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);
}
