using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Gateway;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Cli.Silo;

/// <summary>What an embedded silo needs.</summary>
public sealed record EmbeddedSiloOptions
{
    /// <summary>Folder of the database, the token, the data sets and the models; created where missing. One silo at a time.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Builds a machine from its stored state (null: none); see <see cref="EngineOptions.MachineFactory"/>.</summary>
    public required Func<GrainAddress, string?, IMachine?> MachineFactory { get; init; }

    /// <summary>Where to listen; port 0: any free one. Loopback unless told otherwise.</summary>
    public string Url { get; init; } = "http://127.0.0.1:7070";

    /// <summary>Name of the silo.</summary>
    public string Name { get; init; } = $"silo-{Environment.MachineName.ToLowerInvariant()}";

    /// <summary>File of the bearer token; null: <c>token</c> in the data directory.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Finds what is wrong with a job spec; null lets every readable one pass.</summary>
    public Func<JobSpec, IReadOnlyList<JobProblem>>? ValidateJob { get; init; }

    /// <summary>Limits of the worker gateway.</summary>
    public GatewayOptions Gateway { get; init; } = new();

    /// <summary>Called when a machine throws; null ends the process, as production must.</summary>
    public Action<BrokenInvariant>? OnBrokenInvariant { get; init; }

    /// <summary>Lost, repeated and reordered messages between grains, for tests; null: none.</summary>
    public ChaosOptions? Chaos { get; init; }

    /// <summary>Source of time.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where logs go; <see cref="Server.Hosting.SiloLogging"/> makes one that writes to standard error.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}
