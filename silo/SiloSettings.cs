using System.Net;
using Coordinator.Machines;

namespace Coordinator.Silo;

/// <summary>What an Orleans silo is started with.</summary>
public sealed record SiloSettings
{
    /// <summary>Folder of token, data sets and models; on a cluster, one that all silos share.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Where the workers' gateway and the API listen; port 0: any free one.</summary>
    public required string Url { get; init; }

    /// <summary>Name of the silo.</summary>
    public required string Name { get; init; }

    /// <summary>File of the bearer token; null: <c>token</c> in the data directory.</summary>
    public string? TokenFile { get; init; }

    /// <summary>
    /// Connection string of the PostgreSQL database that the cluster's silos share; null: SQLite in the data directory, and this silo is
    /// alone.
    /// </summary>
    public string? Database { get; init; }

    /// <summary>Name of the cluster: silos of one name on one database belong together.</summary>
    public string Cluster { get; init; } = "coordinator";

    /// <summary>Address under which the other silos reach this one.</summary>
    public IPAddress Advertised { get; init; } = IPAddress.Loopback;

    /// <summary>Port for the other silos.</summary>
    public int SiloPort { get; init; } = 11111;

    /// <summary>Port for Orleans clients: the operator's tools. Workers do not use it.</summary>
    public int GatewayPort { get; init; } = 30000;

    /// <summary>What operators decide for the machines; the same on every silo of a cluster.</summary>
    public MachineSettings Machines { get; init; } = MachineSettings.Default;

    /// <summary>Whether <c>/orleans</c> serves the Orleans dashboard.</summary>
    public bool Dashboard { get; init; } = true;
}
