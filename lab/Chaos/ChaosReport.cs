using System.Globalization;
using System.Text.Json.Nodes;
using Coordinator.Runs.View;

namespace Coordinator.Lab.Chaos;

/// <summary>The report of many scenarios: rows for people as they end, a document for programs at the end.</summary>
public sealed class ChaosReport(string silos, ulong seed)
{
    private readonly List<ChaosResult> results = [];

    /// <summary>All results so far.</summary>
    public IReadOnlyList<ChaosResult> Results => results;

    /// <summary>Whether nothing failed. What was skipped shows nothing, and <see cref="Summary"/> says so.</summary>
    public bool Good => results.All(result => result.Verdict != ChaosVerdict.Failed);

    /// <summary><c>N passed, N failed, N skipped</c>.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{Count(ChaosVerdict.Passed)} passed, {Count(ChaosVerdict.Failed)} failed, {Count(ChaosVerdict.Skipped)} skipped");

    /// <summary>Adds a result.</summary>
    public void Add(ChaosResult result) => results.Add(result);

    /// <summary>Heading of the rows; <paramref name="name"/> is the width of the first column.</summary>
    public static string Heading(int name) => $"{"SCENARIO".PadRight(name)}   {"VERDICT",-8} {"RECOVERY",-9} {"TOOK",-12} WHAT WAS DONE";

    /// <summary>A row, and below it why it failed.</summary>
    public static IEnumerable<string> Rows(ChaosResult result, int name)
    {
        var what = result.Verdict == ChaosVerdict.Skipped ? string.Join("; ", result.Reasons) : string.Join(
            "; ", result.Deeds.Select(Deed).DefaultIfEmpty("nothing"));
        var took = result.Verdict == ChaosVerdict.Skipped ? "-" : Words.Duration(result.Took);
        yield return $"{result.Scenario.PadRight(name)}   {Word(result.Verdict),-8} "
            + $"{(result.Recovery is { } recovery ? Words.Duration(recovery) : "-"),-9} {took,-12} {what}";
        if (result.Verdict != ChaosVerdict.Failed)
            yield break;
        foreach (var reason in result.Reasons)
            yield return $"{"".PadRight(name)}   {reason}";
        if (result.Logs is { } logs)
            yield return $"{"".PadRight(name)}   logs: {logs}";
    }

    /// <summary>Everything, for programs.</summary>
    public JsonObject ToJson() => new()
    {
        ["silos"] = silos,
        ["seed"] = seed,
        ["passed"] = Count(ChaosVerdict.Passed),
        ["failed"] = Count(ChaosVerdict.Failed),
        ["skipped"] = Count(ChaosVerdict.Skipped),
        ["items"] = new JsonArray([.. results.Select(Item)]),
    };

    private static JsonNode Item(ChaosResult result) => new JsonObject
    {
        ["scenario"] = result.Scenario,
        ["verdict"] = Word(result.Verdict),
        ["recoverySeconds"] = result.Recovery is { } recovery ? Math.Round(recovery.TotalSeconds, 3) : null,
        ["tookSeconds"] = Math.Round(result.Took.TotalSeconds, 3),
        ["steps"] = result.Steps,
        ["stepsComputedAgain"] = result.Again,
        ["failures"] = result.Failures,
        ["modelSha256"] = result.ModelSha256,
        ["done"] = new JsonArray([.. result.Deeds.Select(deed => (JsonNode)new JsonObject
        {
            ["time"] = deed.At.ToString("O", CultureInfo.InvariantCulture), ["recorded"] = deed.Recorded, ["what"] = deed.Text,
        })]),
        ["reasons"] = new JsonArray([.. result.Reasons.Select(reason => (JsonNode)reason)]),
        ["logs"] = result.Logs,
    };

    private static string Deed(ChaosDeed deed) => string.Create(CultureInfo.InvariantCulture, $"step {deed.Recorded}: {deed.Text}");

    private static string Word(ChaosVerdict verdict) => verdict.ToString().ToLowerInvariant();

    private int Count(ChaosVerdict verdict) => results.Count(result => result.Verdict == verdict);
}
