using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>
/// Hosts for workers on this machine: a network namespace each, joined by a bridge that lies in a namespace of its own (where no firewall
/// of the machine sees its traffic); the silos' host is the machine itself, plugged into the same bridge. Cables are cut at the bridge,
/// for both directions; for one direction, the sender is made to address frames to a card that nobody has, so that they vanish on the way
/// as with a broken switch: no error on either side.
/// </summary>
public sealed class NetworkHosts : IAsyncDisposable
{
    /// <summary>The silos' host, where a host's number is asked for.</summary>
    public const int SiloHost = -1;

    // An address that no card here has; its second bit says that it is nobody's factory's.
    private const string Nobody = "02:00:00:00:00:01";

    private static int made;

    private readonly Namespace bridge;
    private readonly List<Namespace> hosts = [];
    private readonly HashSet<int> unplugged = [];
    private readonly HashSet<(int From, int To)> deaf = [];
    private readonly string device;
    private readonly string net;

    private NetworkHosts(Namespace bridge)
    {
        this.bridge = bridge;
        var number = Interlocked.Increment(ref made);
        device = string.Create(CultureInfo.InvariantCulture, $"crd{Environment.ProcessId}x{number}");

        // Of the addresses that are set aside for tests of networks (RFC 2544).
        net = string.Create(CultureInfo.InvariantCulture, $"198.18.{(Environment.ProcessId + (17 * number)) & 255}");
    }

    /// <summary>Address of the silos' host.</summary>
    public string SiloAddress => $"{net}.1";

    /// <summary>Why no hosts can be made here; null where they can.</summary>
    public static string? WhyNone() => Namespace.WhyNone();

    /// <summary>Makes hosts and cables.</summary>
    /// <exception cref="ChaosException">Something of it failed; nothing is left.</exception>
    public static async Task<NetworkHosts> CreateAsync(int count, string logPath)
    {
        var network = new NetworkHosts(
            await Namespace.CreateAsync("net", "ip link set lo up; ip link add bridge type bridge; ip link set bridge up", logPath));
        try
        {
            for (var host = 0; host < count; host++)
                await network.AddAsync(host, logPath);
            network.PlugIn();
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>A host's address.</summary>
    public string AddressOf(int host) => host == SiloHost ? SiloAddress : string.Create(CultureInfo.InvariantCulture, $"{net}.{host + 11}");

    /// <summary>The command that runs another one on a host.</summary>
    public ProcessStartInfo Enter(int host, ProcessStartInfo command) => hosts[host].Enter(command);

    /// <summary>Pulls a host's cable: nothing reaches it and nothing of it reaches anybody.</summary>
    public void Unplug(int host)
    {
        bridge.Run("ip", "link", "set", Port(host), "down");
        unplugged.Add(host);
    }

    /// <summary>Loses what <paramref name="from"/> sends to <paramref name="to"/>; the other direction stays.</summary>
    public void Deafen(int from, int to)
    {
        On(from, "ip", "neighbour", "replace", AddressOf(to), "lladdr", Nobody, "nud", "permanent", "dev", Card(from));
        deaf.Add((from, to));
    }

    /// <summary>Makes everything whole again.</summary>
    public void Heal()
    {
        foreach (var (from, to) in deaf)
            On(from, "ip", "neighbour", "delete", AddressOf(to), "dev", Card(from));
        deaf.Clear();
        foreach (var host in unplugged)
            bridge.Run("ip", "link", "set", Port(host), "up");
        unplugged.Clear();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var host in hosts)
            await host.DisposeAsync();
        await bridge.DisposeAsync();
    }

    private static string Port(int host) => string.Create(CultureInfo.InvariantCulture, $"port{host + 1}");

    private string Card(int host) => host == SiloHost ? device : "eth0";

    private async Task AddAsync(int number, string logPath)
    {
        var host = await Namespace.CreateAsync("net", "ip link set lo up", logPath);
        hosts.Add(host);
        bridge.Run(
            "ip",
            "link",
            "add",
            Port(number),
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            host.Pid.ToString(CultureInfo.InvariantCulture));
        bridge.Run("ip", "link", "set", Port(number), "master", "bridge", "up");
        host.Run("ip", "address", "add", AddressOf(number) + "/24", "dev", "eth0");
        host.Run("ip", "link", "set", "eth0", "up");
    }

    private void PlugIn()
    {
        bridge.Run(
            "ip",
            "link",
            "add",
            "silo",
            "type",
            "veth",
            "peer",
            "name",
            device,
            "netns",
            Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        bridge.Run("ip", "link", "set", "silo", "master", "bridge", "up");
        Tool.Run("ip", "address", "add", SiloAddress + "/24", "dev", device);
        Tool.Run("ip", "link", "set", device, "up");
    }

    private void On(int host, params string[] command)
    {
        if (host == SiloHost)
            Tool.Run(command[0], command[1..]);
        else
            hosts[host].Run(command);
    }
}
