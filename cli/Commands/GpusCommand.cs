using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary><c>gpus</c>: all gpus, their health and their telemetry.</summary>
public static class GpusCommand
{
    private static readonly IReadOnlyList<Column> Columns =
    [
        new("GPU"), new("DEVICE"), new("HEALTH"), new("DRAIN"), new("LIMIT"), new("REMEDY"), new("JOB"), new("TEMP"),
        new("POWER"), new("MEMORY"), new("ECC"),
        new("NAME", true), new("CLASS", true), new("ACTION", true), new("FAULTS", true), new("READ", true), new("REASON", true),
        new("LIMIT REASON", true), new("DRAIN REASON", true),
    ];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = List();
        command.Subcommands.Add(MarkCommand.Create());
        return command;
    }

    private static Command List() => QueryCommand.Create(
        "gpus",
        "List the gpus: device, health, drains, what power or cooling limit, what an operator has to do, and telemetry.",
        [],
        async (client, _, cancel) =>
        {
            var gpus = await client.GetGpusAsync(cancel);
            var limits = (await client.GetPowerAsync(cancel)).Limited.ToDictionary(limited => limited.Gpu);
            return new Listing(
                "GpuList",
                new JsonArray([.. gpus.Select(gpu => Document(gpu, limits.GetValueOrDefault(gpu.Id)))]),
                Columns,
                [.. gpus.Select(gpu => Row(gpu, limits.GetValueOrDefault(gpu.Id)))]);
        });

    private static JsonNode Document(GpuView gpu, LimitedGpuView? limited)
    {
        var document = JsonSerializer.SerializeToNode(gpu, MachinesJson.Default.GpuView)!;
        if (limited is not null)
            (document["limit"], document["limitReason"]) = (limited.Limit, limited.Reason);
        return document;
    }

    private static IReadOnlyList<string> Row(GpuView gpu, LimitedGpuView? limited) =>
    [
        gpu.Id.ToString(), Or(gpu.Description?.Device), gpu.Health, Or(gpu.Drain?.State), Or(limited?.Limit), Or(gpu.Remedy),
        Or(gpu.Plan?.Job.Value),
        Number(gpu.Reading?.TemperatureC, " C"), Number(gpu.Reading?.PowerWatts, " W"), Memory(gpu),
        Number(gpu.Reading?.UncorrectedEcc, ""),
        Or(gpu.Description?.Name), Or(gpu.Description?.DeviceClass), Number(gpu.Reading?.RecoveryAction, ""), $"{gpu.Faults}",
        gpu.ReadingAgeMs is { } age ? Number(age / 1000, " s ago") : "-", Or(gpu.Reason), Or(limited?.Reason),
        gpu.Drain is { } drain ? DrainText.Of(drain) : "-",
    ];

    private static string Memory(GpuView gpu) => gpu.Reading is { MemoryUsedBytes: { } used, MemoryTotalBytes: { } total }
        ? $"{Gibibytes(used)}/{Gibibytes(total)} GiB"
        : gpu.Description is { MemoryBytes: > 0 and var bytes } ? $"{Gibibytes(bytes)} GiB" : "-";

    private static string Gibibytes(long bytes) => (bytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Number(double? value, string unit) =>
        value is { } known ? known.ToString("0", CultureInfo.InvariantCulture) + unit : "-";

    private static string Or(string? text) => string.IsNullOrEmpty(text) ? "-" : text;
}
