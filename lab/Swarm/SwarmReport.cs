using System.Globalization;
using System.Text.Json.Nodes;

namespace Coordinator.Lab.Swarm;

/// <summary>What came out: lines for people as they come, a document for programs at the end.</summary>
/// <param name="Options">What was done.</param>
/// <param name="Measures">In order; a miss ends the run.</param>
/// <param name="Complaints">What agents found that must not be.</param>
/// <param name="Lost">Connections that ended without their agent wanting it.</param>
/// <param name="TriedAgain">Tries to connect that came to nothing.</param>
/// <param name="LastReason">Why the last one did.</param>
public sealed record SwarmReport(
    SwarmOptions Options,
    IReadOnlyList<SwarmMeasure> Measures,
    IReadOnlyList<string> Complaints,
    long Lost,
    long TriedAgain,
    string LastReason)
{
    /// <summary>Folder of the logs, where something went wrong.</summary>
    public string? Logs { get; init; }

    /// <summary>Whether every measure came about and no agent complains.</summary>
    public bool Good => Complaints.Count == 0 && Measures.All(measure => !measure.Missed);

    /// <summary>The first line.</summary>
    public static string Heading(SwarmOptions options) => string.Create(
        CultureInfo.InvariantCulture,
        $"swarm: {options.Nodes} nodes of {options.GpusPerNode} gpus, a job of {options.Ranks} ranks, steps of "
            + $"{options.StepTime.TotalSeconds:0.###} s; silo: "
            + $"{(options.Backend is not { } backend ? options.Silo : backend.IsCluster ? $"{backend.Silos} on PostgreSQL" : "1 on SQLite")}; {Environment.ProcessorCount} cores, which silo and swarm share");

    /// <summary>A measure's lines: what it came to, and below what that cost.</summary>
    public static IEnumerable<string> Lines(SwarmMeasure measure)
    {
        var took = measure.Missed ? "MISSED" : measure.Seconds is { } seconds ? string.Create(
            CultureInfo.InvariantCulture, $"{seconds:0.00} s") : "-";
        yield return $"{measure.Name,-18} {took,9}  {measure.Detail}";
        if (measure.Seconds is null && !measure.Missed)
            yield break;
        var load = measure.Load;
        var silo = load.SiloCores is { } cores ? string.Create(
            CultureInfo.InvariantCulture,
            $"silo {cores:0.00} cores, {load.SiloBytes / 1e6:0} MB (most {load.SiloPeakBytes / 1e6:0}); ") : "";
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"{"",29} {silo}swarm {load.SwarmCores:0.00} cores, {load.SwarmBytes / 1e6:0} MB; {measure.Beats:0} heartbeats/s; "
                + $"{measure.Heard} messages, {measure.HeardBytes / 1e6:0.0} MB to "
                + $"nodes{Text("replies", measure.Replies)}{Text("steps recorded", measure.Records)}");
        if (load.Silos.Count > 0)
            yield return $"{"",29} {string.Join("; ", load.Silos.Select(Text))}";
    }

    /// <summary>What went wrong beside the measures, and whether limits are kept.</summary>
    /// <param name="limits">Limits; none: nothing is held to any.</param>
    public IEnumerable<string> Closing(IReadOnlyList<SwarmLimit> limits)
    {
        foreach (var complaint in Complaints.Take(10))
            yield return $"WRONG: {complaint}";
        if (Complaints.Count > 10)
            yield return $"WRONG: and {Complaints.Count - 10} more";
        foreach (var limit in limits)
            yield return $"{(limit.IsKept(Measures) ? "kept  " : "MISSED")}  {limit.Name}";
        yield return $"{Lost} connections were lost, {TriedAgain} tries to connect came to "
            + $"nothing{(LastReason.Length > 0 ? $" (last: {LastReason})" : "")}";
        if (Logs is not null)
            yield return $"logs: {Logs}";
    }

    /// <summary>Everything, for programs.</summary>
    /// <param name="limits">As for <see cref="Closing"/>.</param>
    public JsonObject ToJson(IReadOnlyList<SwarmLimit> limits) => new()
    {
        ["nodes"] = Options.Nodes,
        ["gpusPerNode"] = Options.GpusPerNode,
        ["ranks"] = Options.Ranks,
        ["seed"] = Options.Seed,
        ["cores"] = Environment.ProcessorCount,
        ["good"] = Good,
        ["complaints"] = new JsonArray([.. Complaints.Select(complaint => (JsonNode)complaint)]),
        ["connectionsLost"] = Lost,
        ["connectionsTriedAgain"] = TriedAgain,
        ["limits"] = new JsonArray(
            [.. limits.Select(limit => (JsonNode)new JsonObject { ["limit"] = limit.Name, ["kept"] = limit.IsKept(Measures) })]),
        ["items"] = new JsonArray([.. Measures.Select(Item)]),
    };

    private static string Text(string name, Percentiles? times) => times is null ? ""
        : string.Create(
            CultureInfo.InvariantCulture,
            $"; {name}: median {times.Median:0.0} ms, p99 {times.P99:0.0} ms, most {times.Most:0} ms of {times.Count}");

    private static string Text(SiloSample silo) => string.Create(
        CultureInfo.InvariantCulture,
        $"{silo.Name} {silo.Processor.TotalSeconds:0.0} s of processor, {silo.Bytes / 1e6:0} MB (most {silo.PeakBytes / 1e6:0})");

    private static JsonNode Item(SwarmMeasure measure) => new JsonObject
    {
        ["measure"] = measure.Key,
        ["name"] = measure.Name,
        ["seconds"] = measure.Seconds is { } seconds ? Math.Round(seconds, 3) : null,
        ["missed"] = measure.Missed,
        ["detail"] = measure.Detail,
        ["heartbeatsPerSecond"] = Math.Round(measure.Beats, 1),
        ["messagesToNodes"] = measure.Heard,
        ["bytesToNodes"] = measure.HeardBytes,
        ["replies"] = Item(measure.Replies),
        ["stepsRecorded"] = Item(measure.Records),
        ["siloCores"] = measure.Load.SiloCores is { } cores ? Math.Round(cores, 3) : null,
        ["siloBytes"] = measure.Load.SiloBytes,
        ["siloPeakBytes"] = measure.Load.SiloPeakBytes,
        ["generation"] = measure.Generation,
        ["silos"] = new JsonArray([.. measure.Load.Silos.Select(silo => (JsonNode)new JsonObject
        {
            ["silo"] = silo.Name,
            ["processorSeconds"] = Math.Round(silo.Processor.TotalSeconds, 2),
            ["bytes"] = silo.Bytes,
            ["peakBytes"] = silo.PeakBytes,
        })]),
        ["swarmCores"] = Math.Round(measure.Load.SwarmCores, 3),
        ["swarmBytes"] = measure.Load.SwarmBytes,
    };

    private static JsonObject? Item(Percentiles? times) => times is null ? null : new JsonObject
    {
        ["count"] = times.Count,
        ["medianMs"] = Math.Round(times.Median, 2),
        ["p99Ms"] = Math.Round(times.P99, 2),
        ["mostMs"] = Math.Round(times.Most, 2),
    };
}
