using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Server.Gateway;

/// <summary>
/// Numbers in workers' messages that no worker sends and that machines would stumble over: they add them up, count along them and make
/// room for as many. Limits are far beyond what any job has, and far below where arithmetic ends.
/// </summary>
internal static class WorkerNumbers
{
    /// <summary>
    /// Blocks of a state: 68 billion elements at the default block size, and what a liar can make a job's machine reserve.
    /// </summary>
    private const int MostBlocks = 1 << 22;

    /// <summary>Steps, generations, bytes: exact as floating-point numbers, too.</summary>
    private const long MostCount = 1L << 48;

    private const double MostMilliseconds = 1e12;

    /// <summary>What is wrong with a message's numbers; null where nothing is.</summary>
    public static string? Problem(WorkerMessage message) => message switch
    {
        JobReport report when report.Generation is < 0 or > MostCount => $"generation {report.Generation} cannot be",
        GangReport report => Problem(report),
        LogRead piece when IsNoCount(piece.From) || IsNoCount(piece.End) || IsNoCount(piece.Generation) =>
            $"a log's place {piece.From} of {piece.End} cannot be",
        GpusMeasured measured when measured.Readings.Any(reading => reading is null || reading.Index < 0) =>
            "a reading is null or has a negative index",
        RankState state => Problem(state),
        RankAdvanced advanced when IsNoCount(advanced.Step) => $"step {advanced.Step} cannot be",
        RankFaulted faulted when IsNoCount(faulted.Step) => $"a fault in step {faulted.Step} cannot be",
        RankPreparing preparing when IsNoTime(preparing.Milliseconds) => $"a preparation of {preparing.Milliseconds} ms cannot be",
        RankFinished finished when IsNoCount(finished.Step) || IsNoCount(finished.RecordedThrough) =>
            $"step {finished.Step}, recorded through {finished.RecordedThrough}, cannot be",
        StepsApplied applied => Problem(applied),
        CheckpointPartSaved saved => Problem(saved.Checkpoint) ?? Problem(saved),
        CheckpointSealed written => Problem(written.Checkpoint),
        CheckpointFailed failed => Problem(failed.Checkpoint),
        CheckpointUnreadable damaged => Problem(damaged.Checkpoint),
        _ => null,
    };

    private static string? Problem(GangReport report)
    {
        if (IsNoCount(report.Generation) || IsNoCount(report.Sequence) || IsNoCount(report.Step) || IsNoTime(report.SilentMs))
            return $"a gang's report {report.Sequence} of generation {report.Generation}, step {report.Step}, cannot be";
        if (report.MasterPort is < 0 or > ushort.MaxValue || report.LeasePort is < 0 or > ushort.MaxValue)
            return $"ports {report.MasterPort} and {report.LeasePort} cannot be";
        foreach (var rank in report.Ranks)
        {
            if (rank is null || rank.Rank < 0 || rank.Gpu < 0 || rank.ProcessId < 0)
                return "a process of a gang is null or has a negative number";
            if (rank.Exit is { } exit && (IsNoTime(exit.AgeMs) || exit.LastLines.Any(line => line is null)))
                return $"the end of rank {rank.Rank} cannot be";
        }

        return report.Ranks.DistinctBy(rank => rank.Rank).Count() < report.Ranks.Count ? "two processes of a gang have one rank" : null;
    }

    private static string? Problem(RankState state)
    {
        if (IsNoCount(state.Applied) || IsNoCount(state.RecordedThrough) || state.Timeline < 0 || state.StateBlocks is < 0 or > MostBlocks)
        {
            return $"a state of step {state.Applied}, recorded through {state.RecordedThrough}, timeline {state.Timeline}, of "
                + $"{state.StateBlocks} blocks cannot be";
        }
        var next = 0;
        foreach (var run in state.Reduced)
        {
            if (run.Start != next || run.Count < 1 || run.Count > state.StateBlocks - next || IsNoCount(run.Step))
                return $"tags of {run.Count} blocks from {run.Start} on, step {run.Step}, do not go on from block {next}";
            next += run.Count;
        }

        long held = 0;
        foreach (var subtree in state.Held)
        {
            if (subtree.Size < 1 || (subtree.Size & (subtree.Size - 1)) != 0 || subtree.Start < 0 || subtree.Start % subtree.Size != 0
                || subtree.Start > JobSpecValidator.MostShards - subtree.Size)
            {
                return $"subtree {subtree.Start}+{subtree.Size} is none";
            }
            held += subtree.Size;
        }

        long assigned = 0;
        foreach (var span in state.Assigned)
        {
            if (span.Start < 0 || span.Count < 0 || span.Start > JobSpecValidator.MostShards - span.Count)
                return $"shards {span.Start}+{span.Count} are none";
            assigned += span.Count;
        }

        return held > JobSpecValidator.MostShards || assigned > JobSpecValidator.MostShards
            ? $"{held} shards held and {assigned} assigned are more than a job has"
            : null;
    }

    private static string? Problem(StepsApplied applied)
    {
        if (applied.Timeline < 0)
            return $"timeline {applied.Timeline} cannot be";
        long? before = null;
        foreach (var step in applied.Steps)
        {
            if (step is null || step.Step is < 1 or > MostCount || IsNoCount(step.Generation) || IsNoCount(step.Targets)
                || IsNoTime(step.Milliseconds))
            {
                return "a step is null or below 1, or its numbers cannot be";
            }
            if (before is { } last && step.Step != last + 1)
                return $"step {step.Step} follows step {last}";
            before = step.Step;
        }

        return null;
    }

    private static string? Problem(CheckpointPartSaved saved)
    {
        if (saved.Part is not { } part)
            return "the part of a checkpoint is null";
        return part.File is null || part.Sha256 is null || part.File.Length > 128 || part.Sha256.Length > 64 || IsNoCount(part.Bytes)
            || IsNoCount(part.Offset) || IsNoCount(part.Elements)
            || IsNoTime(saved.SnapshotMs) || IsNoTime(saved.WriteMs)
            ? "the part of a checkpoint has names or numbers that cannot be"
            : null;
    }

    private static string? Problem(CheckpointId id) =>
        id.Timeline < 0 || id.Step is < 1 or > MostCount || IsNoCount(id.Generation) ? $"checkpoint {id} cannot be" : null;

    private static bool IsNoCount(long number) => number is < 0 or > MostCount;

    private static bool IsNoTime(double milliseconds) => !(milliseconds is >= 0 and <= MostMilliseconds);
}
