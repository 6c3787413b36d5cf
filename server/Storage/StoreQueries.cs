using System.Data.Common;
using Coordinator.Machines;
using Dapper;

namespace Coordinator.Server.Storage;

/// <summary>What is read from either database, in the SQL that both speak.</summary>
internal static class StoreQueries
{
    /// <summary>All jobs that were ever submitted, sorted.</summary>
    public const string Jobs = $"SELECT DISTINCT job FROM events WHERE kind = '{EventKinds.JobSubmitted}' AND job IS NOT NULL ORDER BY job";

    /// <summary>Events that match, by rising ordinal.</summary>
    public static async Task<IReadOnlyList<StoredEvent>> EventsAsync(DbConnection reader, EventFilter filter, CancellationToken cancel)
    {
        var rows = await reader.QueryAsync<EventRow>(new CommandDefinition(
            $"""
            SELECT ordinal, time_us AS TimeUs, silo, kind, job, node, gpu, timeline, generation, step, cause, duration_ms AS DurationMs, text, numbers
            FROM events WHERE ordinal > @After {(filter.Job is null ? "" : "AND job = @Job")}
            ORDER BY ordinal {(filter.Newest ? "DESC" : "")} LIMIT @Limit
            """,
            new { filter.After, Job = filter.Job?.Value, filter.Limit },
            cancellationToken: cancel)).ConfigureAwait(false);
        return [.. (filter.Newest ? rows.Reverse() : rows).Select(row => row.ToStored())];
    }

    /// <summary>Steps of a job behind an ordinal, by rising ordinal.</summary>
    public static async Task<IReadOnlyList<StoredStep>> StepsAsync(
        DbConnection reader, JobId job, long after, int limit, CancellationToken cancel)
    {
        var rows = await reader.QueryAsync<StepRow>(new CommandDefinition(
            """
            SELECT ordinal, timeline, step, generation, loss_bits AS LossBits, gradient_norm_bits AS GradientNormBits, milliseconds, targets, recorded_at_us AS RecordedAtUs
            FROM steps WHERE job = @job AND ordinal > @after ORDER BY ordinal LIMIT @limit
            """,
            new { job = job.Value, after, limit },
            cancellationToken: cancel)).ConfigureAwait(false);
        return [.. rows.Select(row => row.ToStored())];
    }
}
