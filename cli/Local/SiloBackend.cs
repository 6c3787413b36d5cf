namespace Coordinator.Cli.Local;

/// <summary>What hosts the grains of a cluster on this machine.</summary>
public sealed record SiloBackend
{
    /// <summary>One silo of this program on SQLite.</summary>
    public static SiloBackend Embedded { get; } = new();

    /// <summary>Program of the Orleans silos; null: the embedded engine.</summary>
    public SiloProgram? Orleans { get; init; }

    /// <summary>Silo processes; the embedded engine has one.</summary>
    public int Silos { get; init; } = 1;

    /// <summary>PostgreSQL connection string for Orleans silos; null: a private server is started with the run.</summary>
    public string? Database { get; init; }
}
