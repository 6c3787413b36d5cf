using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Gateway;
using Coordinator.Server.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Server.Hosting;

/// <summary>What a silo's server needs, and its limits.</summary>
public sealed record SiloServerOptions
{
    /// <summary>
    /// Where to listen: <c>http://</c> or <c>https://</c>, an IP address, <c>localhost</c> or <c>*</c>, and a port (0: any free
    /// one). Loopback unless told otherwise. TLS takes its certificate from Kestrel's configuration
    /// (<c>Kestrel__Certificates__Default__Path</c>, …).
    /// </summary>
    public string Url { get; init; } = "http://127.0.0.1:7070";

    /// <summary>The bearer token that every request but the health check must carry.</summary>
    public required string Token { get; init; }

    /// <summary>Folder of data sets and models; created where missing.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Name of the silo.</summary>
    public required string SiloName { get; init; }

    /// <summary>What hosts the grains: <c>orleans</c>.</summary>
    public required string EngineName { get; init; }

    /// <summary>The grains.</summary>
    public required IGrainHost Grains { get; init; }

    /// <summary>Stored events and steps.</summary>
    public required IEventStore Events { get; init; }

    /// <summary>The workers' connections; the engine sends through them.</summary>
    public required WorkerLinks Links { get; init; }

    /// <summary>Finds what is wrong with a job spec; null lets every readable one pass.</summary>
    public Func<JobSpec, IReadOnlyList<JobProblem>>? ValidateJob { get; init; }

    /// <summary>
    /// Whether nobody else writes to this silo's folder of data sets. Where several silos serve one cluster they share the folder, over a
    /// network perhaps, which may show late what another one stored: what a job names is then looked for until <see cref="SubmitTimeout"/>
    /// before it counts as missing.
    /// </summary>
    public bool HoldsAllData { get; init; } = true;

    /// <summary>Stores an event that is no grain's, such as that a stored file is damaged; null: it is only logged.</summary>
    public Func<CoordinatorEvent, Task>? Observe { get; init; }

    /// <summary>Says why the silo is unwell, or null; asked by the health check.</summary>
    public Func<string?>? Problem { get; init; }

    /// <summary>
    /// Adds what an engine needs to the host that the server runs in: services that start before it listens and stop after it.
    /// </summary>
    public Action<IHostApplicationBuilder>? ConfigureHost { get; init; }

    /// <summary>Adds pages of an engine's own; they lie behind the same authentication as the API.</summary>
    public Action<WebApplication>? MapPages { get; init; }

    /// <summary>Limits of the worker gateway.</summary>
    public GatewayOptions Gateway { get; init; } = new();

    /// <summary>
    /// Connections on which nobody has shown the token yet. For one more, the one goes that has waited longest. At least 1. Thousands of
    /// workers that connect at one moment, as they do when a silo has died, are all strangers until their first request is read.
    /// </summary>
    public int MaxStrangers { get; init; } = 8192;

    /// <summary>As many of them from one address, which may be the gateway of a whole site. At least 1.</summary>
    public int MaxStrangersOfOneAddress { get; init; } = 4096;

    /// <summary>How long a connection may go without showing the token. Above zero.</summary>
    public TimeSpan StrangerTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Largest data set taken in, bytes.</summary>
    public long MaxDataBytes { get; init; } = 64L << 30;

    /// <summary>Largest model taken in, bytes.</summary>
    public long MaxModelBytes { get; init; } = 64L << 30;

    /// <summary>
    /// How long a submission waits for its job to be durable before it is answered with 202 and not 201; likewise a cancellation and a
    /// change of power or cooling (202 and not 200), and a final model (503: it is sent again).
    /// </summary>
    public TimeSpan SubmitTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Source of time.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where logs go.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}
