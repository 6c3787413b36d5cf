using Coordinator.Machines;
using Coordinator.Runs.Measures;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>What is left of a run: the model file's hash, and what the silo stored.</summary>
public sealed record RunRecord(JobView Job, string? ModelSha256, IReadOnlyList<StoredStep> Steps, IReadOnlyList<StoredEvent> Events)
{
    /// <summary>What is wrong with the run, in words; nothing if it kept every promise.</summary>
    public IEnumerable<string> Complaints(string expectedSha256, long steps)
    {
        if (Job.Phase != "finished")
            yield return $"the job is {Job.Phase}: {Job.Reason}";
        if (ModelSha256 != expectedSha256)
            yield return $"the model file's SHA-256 is {ModelSha256 ?? "missing"}, undisturbed it is {expectedSha256}";
        if (Job.ModelSha256 != ModelSha256)
            yield return $"the job recorded SHA-256 {Job.ModelSha256}, the file has {ModelSha256}";
        var ledger = StepLedger.Of(Steps.Select(stored => stored.Step), steps);
        if (ledger.Lost != 0)
        {
            yield return $"of steps 1 to {steps}, {ledger.Missing} are missing and {ledger.Repeated} are recorded again: "
                + $"{string.Join(" ", Steps.Select(stored => stored.Step.Step))}";
        }
        foreach (var stored in Events.Where(stored => stored.Event.Kind == EventKinds.Diverged))
            yield return stored.Event.Text;
        foreach (var step in SetBack())
            yield return step;
    }

    /// <summary>Answers of a member that say less than the same process said before, as the same member.</summary>
    private IEnumerable<string> SetBack()
    {
        var applied = new Dictionary<(GpuId, double), double>();
        foreach (var stored in Events)
        {
            var e = stored.Event;
            if (e.Gpu is not { } gpu)
                continue;
            if (e.Kind == EventKinds.RankExcluded)
            {
                // Whoever was left out survived nothing, and begins anew if it returns.
                foreach (var key in applied.Keys.Where(key => key.Item1 == gpu).ToArray())
                    applied.Remove(key);
            }

            if (e.Kind != EventKinds.RankState || e.Numbers is not { } numbers)
                continue;
            var process = (gpu, numbers["boot"]);
            if (applied.TryGetValue(process, out var before) && numbers["applied"] < before)
                yield return $"{gpu} had applied step {before}, and then {numbers["applied"]} (generation {e.Generation})";
            applied[process] = numbers["applied"];
        }
    }
}
