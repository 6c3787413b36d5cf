using System.Globalization;
using System.Runtime.InteropServices;
using Coordinator.Lab.Chaos.Hosts;

namespace Coordinator.Bench;

/// <summary>A gang of two nodes and a spare that trains in PyTorch under somebody, and can be struck.</summary>
/// <param name="folder">Folder of its own.</param>
/// <param name="network">The nodes' hosts; null: they share this one's network.</param>
internal abstract partial class BesideGang(string folder, NetworkHosts? network) : IAsyncDisposable
{
    private const int Kill = 9;

    /// <summary>Where the program writes.</summary>
    protected string Shared { get; } = Directory.CreateDirectory(Path.Combine(folder, "shared")).FullName;

    /// <summary>Folder of its own.</summary>
    protected string Folder => folder;

    /// <summary>The nodes' hosts; null: they share this one's network.</summary>
    protected NetworkHosts? Network => network;

    /// <summary>Steps that are never reached.</summary>
    protected static int Steps => 1_000_000;

    /// <summary>What processes have written down.</summary>
    public IReadOnlyList<GangsRecords.Note> Notes => GangsRecords.Read(Shared);

    /// <summary>Starts it.</summary>
    public abstract Task StartAsync(string[] command, CancellationToken cancel);

    /// <summary>Node and process of a rank that its control can lose.</summary>
    public abstract Task<(int Node, int Process)> VictimAsync(CancellationToken cancel);

    /// <summary>SIGKILL to whoever starts programs on a node.</summary>
    public abstract void KillAgent(int node);

    /// <summary>Strikes.</summary>
    /// <returns>When, in the machine's time.</returns>
    public double Strike(string kind, int node, int process)
    {
        var at = GangsRecords.Now;
        if (kind == "cable")
            network!.Unplug(node);
        if (kind == "node")
            KillAgent(node);
        if (kind is "process" or "node")
            Send(process);
        if (kind is "node" or "cable")
            Replace();
        return at;
    }

    /// <summary>A node takes the place of one that was lost, where none waits for that.</summary>
    protected virtual void Replace()
    {
    }

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        foreach (var process in GangsRecords.Living(Shared))
            Send(process);
        return ValueTask.CompletedTask;
    }

    /// <summary>SIGKILL to a process of the gang's.</summary>
    protected static void Send(int process) => _ = Signal(process, Kill);

    /// <summary>Parent of a process.</summary>
    protected static int ParentOf(int process)
    {
        var line = File.ReadAllText($"/proc/{process}/stat");
        var fields = line[(line.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return int.Parse(fields[1], CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
