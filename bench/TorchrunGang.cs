using System.Diagnostics;
using System.Globalization;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Runs.Processes;

namespace Coordinator.Bench;

/// <summary>
/// The gang under torchrun, tuned as far as its options go: it looks at its processes ten times a second, and makes no last call, since two
/// are the most. An agent that waits as a spare has torch 1.13 restart the gang again and again; so the third is started at the moment
/// when a node is lost, as a scheduler that sees it at once would. How long a silent agent is waited for, 15 s, is no option. What this
/// version needs on Python 3.11 is given: output of its own for each process.
/// </summary>
internal sealed class TorchrunGang(string folder, NetworkHosts? network) : BesideGang(folder, network)
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StoreTime = TimeSpan.FromSeconds(3);
    private readonly List<ChildProcess> agents = [];
    private readonly int port = FreePorts.Next();
    private string[] program = [];

    /// <inheritdoc/>
    public override async Task StartAsync(string[] command, CancellationToken cancel)
    {
        program = command;

        // The first holds the store, whose death torchrun does not survive.
        agents.Add(Agent(0));
        await Task.Delay(StoreTime, cancel);
        agents.Add(Agent(1));
    }

    /// <inheritdoc/>
    public override Task<(int Node, int Process)> VictimAsync(CancellationToken cancel)
    {
        var victim = (from process in Notes.Select(note => note.Process).Distinct()
                      let node = agents.FindIndex(agent => agent.Pid == ParentOf(process))
                      where node > 0
                      select (node, process)).First();
        return Task.FromResult(victim);
    }

    /// <inheritdoc/>
    public override void KillAgent(int node) => agents[node].Kill();

    /// <inheritdoc/>
    protected override void Replace() => agents.Add(Agent(2));

    /// <summary>
    /// The programs end before an agent is waited for: an agent that was killed leaves them behind, and they hold its output open.
    /// </summary>
    public override async ValueTask DisposeAsync()
    {
        foreach (var agent in agents)
            agent.Kill();
        await base.DisposeAsync();
        foreach (var agent in agents)
        {
            await agent.StopAsync(Grace);
            agent.Dispose();
        }
    }

    private ChildProcess Agent(int node)
    {
        var endpoint = string.Create(CultureInfo.InvariantCulture, $"{Network?.AddressOf(0) ?? "127.0.0.1"}:{port}");
        string[] torchrun =
        [
            program[0], "-m", "torch.distributed.run", "--nnodes=2:2", "--nproc_per_node=1", "--max_restarts=100", "--monitor_interval=0.1",
            "--rdzv_backend=c10d", "--rdzv_id=beside", $"--rdzv_endpoint={endpoint}",
            $"--rdzv_conf=is_host={(node == 0 ? 1 : 0)},last_call_timeout=1,join_timeout=900", "-r", "1", "-t", "1",
            $"--log_dir={Path.Combine(Folder, $"torchrun-{node}")}", program[1],
        ];

        // It gives rank 0's host name to all, which in a namespace of networks leads nowhere; an address that is the name leads there.
        var start = Network is null ? new ProcessStartInfo(torchrun[0], torchrun[1..]) : Network.Enter(
            node,
            new ProcessStartInfo("unshare", ["--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", Network.AddressOf(node), .. torchrun]));
        foreach (var (name, value) in GangsPrograms.Environment(Shared, Steps, Network is not null))
            start.Environment[name] = value;
        start.Environment.Remove("OPENBLAS_CORETYPE");
        start.Environment.Remove("OPENBLAS_L2_SIZE");
        start.Environment["PYTHONUNBUFFERED"] = "1";
        return ChildProcess.Start(start, Path.Combine(Folder, $"torchrun-{node}.log"));
    }
}
