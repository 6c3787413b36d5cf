using Coordinator.Machines;
using Coordinator.Machines.Ledger;

namespace Coordinator.Server.Storage;

/// <summary>Makes a job's ledger from a store, page by page: of its steps only their times are kept.</summary>
public static class LedgerReading
{
    private const int PageSize = 10_000;

    /// <summary>The ledger; null: the store has no such job.</summary>
    /// <param name="store">The store.</param>
    /// <param name="job">The job.</param>
    /// <param name="now">Through when a job that has not ended is accounted for; null: until the last that is stored of it.</param>
    /// <param name="cancel">Ends the reading.</param>
    public static async Task<JobLedger?> ReadAsync(IEventStore store, JobId job, DateTimeOffset? now, CancellationToken cancel = default)
    {
        var builder = new JobLedgerBuilder(job);
        var last = DateTimeOffset.MinValue;

        // The events first: a step that is stored meanwhile is one more, and an event without its steps would be a hole.
        for (long after = 0; ;)
        {
            var filter = new EventFilter { Job = job, After = after, Limit = PageSize };
            var page = await store.ReadEventsAsync(filter, cancel).ConfigureAwait(false);
            if (page.Count == 0)
                break;
            foreach (var stored in page)
                builder.Add(new HistoryEvent(Latest(stored.Time), stored.Event));
            after = page[^1].Ordinal;
        }

        for (long after = 0; ;)
        {
            var page = await store.ReadStepsAsync(job, after, PageSize, cancel).ConfigureAwait(false);
            if (page.Count == 0)
                break;
            foreach (var stored in page)
                builder.Add(new HistoryStep(Latest(stored.RecordedAt), stored.Timeline, stored.Step));
            after = page[^1].Ordinal;
        }

        return builder.Build(now ?? last);

        DateTimeOffset Latest(DateTimeOffset at)
        {
            last = at > last ? at : last;
            return at;
        }
    }
}
