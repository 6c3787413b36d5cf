using System.Diagnostics;
using System.Net;
using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Agent;

/// <summary>Settings of a worker process.</summary>
public sealed record WorkerOptions
{
    /// <summary>
    /// The node that this worker speaks for. One worker a node: a second one with the same name is refused while the first one is heard.
    /// </summary>
    public required NodeId Node { get; init; }

    /// <summary>
    /// Silos to connect to, tried in turn: <c>ws(s)://host:port/worker</c>; <c>http(s)</c> and a missing path are understood too.
    /// </summary>
    public required IReadOnlyList<Uri> Silos { get; init; }

    /// <summary>Bearer token.</summary>
    public string Token { get; init; } = "";

    /// <summary>
    /// Gpus of the node, by index: each can hold one rank, on the device that it names. A device named twice holds two ranks. At least
    /// one. Default: the CPU, once.
    /// </summary>
    public IReadOnlyList<DeviceDescription> Gpus { get; init; } = CpuDeviceClass.Devices(1);

    /// <summary>Where the data plane listens. Default: loopback, a free port.</summary>
    public IPEndPoint DataListen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Host that peers are told to connect to, where it differs from <see cref="DataListen"/>.</summary>
    public string? DataHost { get; init; }

    /// <summary>Whether this worker takes the place of one that has its name and is heard.</summary>
    public bool Replace { get; init; }

    /// <summary>Labels by which operators name the node, sorted; see <see cref="NodeLabels"/>.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Faults to suffer.</summary>
    public FaultPlan Faults { get; init; } = FaultPlan.None;

    /// <summary>How often the vendor's telemetry of the gpus is read. Default 2 s; more often, it costs the driver's time.</summary>
    public TimeSpan TelemetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Told each silo that has welcomed the worker, each time that it does.</summary>
    public Action<Uri>? Connected { get; init; }

    /// <summary>
    /// How long an orderly end waits for the jobs to go on without this worker. Default 10 s. It is longer where the worker saves what
    /// nobody takes (<see cref="WorkerServices.SaveState"/>), for as long as that takes.
    /// </summary>
    public TimeSpan LeaveTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the end waits for what ranks have under way: a call of a device, or a file that is fetched. Default 10 s; what takes longer
    /// ends with the process.
    /// </summary>
    public TimeSpan EndTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long others may take what this worker holds before it asks for a checkpoint. Default 3 s.</summary>
    public TimeSpan SaveAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Names the process: Unix milliseconds at its start.</summary>
    public long Boot { get; init; } = new DateTimeOffset(Process.GetCurrentProcess().StartTime).ToUnixTimeMilliseconds();
}
