namespace Coordinator.Runs.Clusters;

/// <summary>The silos of a cluster on this machine: one alone on SQLite, or several on PostgreSQL.</summary>
public sealed record SiloBackend
{
    /// <summary>One silo, alone on SQLite.</summary>
    public static SiloBackend Alone { get; } = new();

    /// <summary>Silo processes.</summary>
    public int Silos { get; init; } = 1;

    /// <summary>
    /// PostgreSQL connection string of the cluster; null: several silos get a private server that is started with the run.
    /// </summary>
    public string? Database { get; init; }

    /// <summary>Whether the silos are a cluster on PostgreSQL.</summary>
    public bool IsCluster => Silos > 1 || Database is not null;
}
