using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Coordinator.Bench;

/// <summary>All runs, as a table and as a curve.</summary>
internal sealed class RanksReport(
    string command,
    RanksOptions options,
    MachineLoad before,
    MachineLoad after,
    IReadOnlyList<RanksSample> workers,
    IReadOnlyList<RanksSample> peers)
{
    private const int Width = 40;

    /// <summary>One hash in each group, no step lost, every kill carried out and recovered from.</summary>
    public bool Good => new[] { workers, peers }.All(group =>
        group.Select(sample => sample.Sha256).Distinct().Count() <= 1
        && group.All(sample => sample.Sha256.Length > 0
            && sample.Lost == 0
            && (sample.Workers == 1 || (sample.Kills.Count == options.Kills && sample.KillToStep.Count == options.Kills))));

    public string ToTable()
    {
        StringBuilder text = new();
        text.AppendLine();
        text.AppendLine(command);
        text.AppendLine(before.Until(after));
        text.AppendLine(CultureInfo.InvariantCulture, $"linear, {options.Steps} steps, seed {options.Seed}; killed workers return");
        text.AppendLine();
        text.AppendLine($"{"ranks",6} {"processes",9} {"steps/s",8} {"rank-steps/s",12} {"first generation",16} {"kills",5} "
            + $"{"kill to next step",18} {"lost",4}  sha256");
        foreach (var sample in workers) Append(text, sample);
        var most = workers.Max(sample => 1000 / sample.StepMilliseconds);
        text.AppendLine();
        foreach (var sample in workers)
        {
            var rate = 1000 / sample.StepMilliseconds;
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"{sample.Ranks,6} {rate,8:0.0} steps/s {new string('#', Math.Max(1, (int)Math.Round(Width * rate / most)))}");
        }

        if (peers.Count > 0)
        {
            text.AppendLine();
            text.AppendLine("each rank a process, with a listener of its own and a TCP connection to every other:");
            foreach (var sample in peers) Append(text, sample);
        }

        text.AppendLine();
        text.AppendLine(
            Good ? "equal hashes, no step lost" : "NOT as promised: hashes differ, a step was lost, or a kill was not carried out");
        return text.ToString();
    }

    public string ToJson() => new JsonObject
    {
        ["command"] = command,
        ["cores"] = before.Cores,
        ["cpu"] = before.Cpu,
        ["load_at_start"] = before.Load,
        ["load_at_end"] = after.Load,
        ["steps"] = options.Steps,
        ["seed"] = options.Seed,
        ["good"] = Good,
        ["runs"] = new JsonArray([.. workers.Select(ToJson)]),
        ["peers"] = new JsonArray([.. peers.Select(ToJson)]),
    }.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });

    private static void Append(StringBuilder text, RanksSample sample)
    {
        var kills = sample.KillToStep.Count == 0 ? "-" : string.Join(
            ' ', sample.KillToStep.Select(span => span.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture))) + " s";
        var rate = 1000 / sample.StepMilliseconds;
        text.AppendLine(CultureInfo.InvariantCulture, $"{sample.Ranks,6} {sample.Workers,9} {rate,8:0.0} {rate * sample.Ranks,12:0} "
            + $"{sample.Forming?.TotalSeconds,14:0.00} s {sample.Kills.Count,5} {kills,18} {sample.Lost,4}  {sample.Sha256}");
    }

    private static JsonNode ToJson(RanksSample sample) => new JsonObject
    {
        ["ranks"] = sample.Ranks,
        ["processes"] = sample.Workers,
        ["step_ms"] = double.IsFinite(sample.StepMilliseconds) ? Math.Round(sample.StepMilliseconds, 2) : null,
        ["first_generation_ms"] = sample.Forming is { } forming ? Math.Round(forming.TotalMilliseconds) : null,
        ["kills"] = sample.Kills.Count,
        ["kill_to_step_ms"] = new JsonArray([.. sample.KillToStep.Select(span => (JsonNode?)Math.Round(span.TotalMilliseconds))]),
        ["members_at_end"] = sample.LastMembers,
        ["steps_lost"] = sample.Lost,
        ["sha256"] = sample.Sha256,
    };
}
