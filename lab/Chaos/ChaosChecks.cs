using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Lab.Chaos;

/// <summary>What must hold of every run, whatever was done to it. Pure functions of the record; nothing here knows the scenario.</summary>
public static class ChaosChecks
{
    private const int Shown = 8;

    /// <summary>What is wrong with a run, in words; nothing if it kept every promise.</summary>
    /// <param name="record">The run.</param>
    /// <param name="expectedSha256">Hash of the undisturbed model file.</param>
    /// <param name="steps">Steps of the job.</param>
    public static IEnumerable<string> Complaints(ChaosRecord record, string expectedSha256, long steps)
    {
        if (record.Job.Phase != "finished")
            yield return $"the job is {record.Job.Phase}: {record.Job.Reason}";
        if (record.ModelSha256 != expectedSha256)
            yield return $"the model file's SHA-256 is {record.ModelSha256 ?? "missing"}, undisturbed it is {expectedSha256}";
        if (record.Job.ModelSha256 != record.ModelSha256)
            yield return $"the job recorded SHA-256 {record.Job.ModelSha256}, the file has {record.ModelSha256}";
        foreach (var stored in record.Of(EventKinds.Diverged))
            yield return stored.Event.Text;
        foreach (var wrong in OfSteps(record.Steps, steps, mayReturn: record.Of(EventKinds.StateRegained).Any()))
            yield return wrong;
        foreach (var wrong in OfRestores(record))
            yield return wrong;
    }

    /// <summary>
    /// What is wrong with a record of steps: each of 1 to N is there, once on each timeline at most, and again only on a newer timeline and
    /// with an equal loss. Where a worker with a state of an earlier timeline <paramref name="mayReturn"/>, what only it knows is recorded
    /// of that timeline late.
    /// </summary>
    public static IEnumerable<string> OfSteps(IReadOnlyList<StoredStep> steps, long last, bool mayReturn = false)
    {
        var missing = Enumerable.Range(1, (int)last).Select(step => (long)step).Except(steps.Select(stored => stored.Step.Step)).ToArray();
        if (missing.Length > 0)
            yield return $"{missing.Length} of {last} steps are not recorded: {List(missing)}";
        var outside = steps.Where(stored => stored.Step.Step < 1 || stored.Step.Step > last).Select(stored => stored.Step.Step).ToArray();
        if (outside.Length > 0)
            yield return $"steps are recorded that the job does not have: {List(outside)}";
        var twice = steps.GroupBy(stored => (stored.Timeline, stored.Step.Step)).Where(same => same.Count() > 1)
            .Select(same => same.Key.Step).ToArray();
        if (twice.Length > 0)
            yield return $"{twice.Length} steps are recorded more than once on one timeline: {List(twice)}";
        var different = steps.GroupBy(stored => stored.Step.Step)
            .Where(same => same.Select(stored => BitConverter.DoubleToInt64Bits(stored.Step.Loss)).Distinct().Count() > 1)
                .Select(same => same.Key).ToArray();
        if (different.Length > 0)
            yield return $"{different.Length} steps that were computed again have another loss: {List(different)}";
        foreach (var (before, next) in steps.Zip(steps.Skip(1)))
        {
            if (next.Timeline < before.Timeline && !mayReturn)
            {
                yield return $"step {next.Step.Step} of timeline {next.Timeline} is recorded behind one of timeline {before.Timeline}";
                break;
            }
        }
    }

    /// <summary>
    /// What is wrong with what a run went back to: it is the newest checkpoint that was complete and not found damaged by then, or the
    /// seed, and the new timeline begins right behind it.
    /// </summary>
    private static IEnumerable<string> OfRestores(ChaosRecord record)
    {
        var restores = record.Of(EventKinds.CheckpointRestored).ToArray();
        var returns = restores.Length + record.Of(EventKinds.StateRegained).Count();
        if (record.Job.Timeline != returns)
            yield return $"the job is on timeline {record.Job.Timeline}, and {returns} returns to a checkpoint are recorded";
        foreach (var (ordinal, restore) in restores.Select(stored => (stored.Ordinal, stored.Event)))
        {
            var damaged = record.Of(
                EventKinds.CheckpointUnreadable).Where(stored => stored.Ordinal < ordinal).Select(stored => stored.Event.Step).ToHashSet();
            var newest = record.Of(EventKinds.CheckpointSaved).LastOrDefault(
                stored => stored.Ordinal < ordinal && !damaged.Contains(stored.Event.Step))?.Event.Step ?? 0;
            if (restore.Step != newest && !record.Of(EventKinds.StateRegained).Any())
            {
                yield return $"the job went back to step {restore.Step}, and the newest complete checkpoint that can be read was that of "
                    + $"step {newest}";
            }
            var first = record.Steps.Where(stored => stored.Timeline == restore.Timeline).Select(stored => (long?)stored.Step.Step).Min();
            if (first is { } step && step != restore.Step + 1)
                yield return $"timeline {restore.Timeline} went back to step {restore.Step} and records steps from {step} on";
        }
    }

    private static string List(IReadOnlyCollection<long> steps) =>
        string.Join(", ", steps.Order().Take(Shown)) + (steps.Count > Shown ? ", ..." : "");
}
