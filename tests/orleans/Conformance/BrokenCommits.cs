using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>Commits with one fence taken down. Called from one thread.</summary>
internal sealed class BrokenCommits(TroubledStore inner, SqliteFences down, string database) : ICommitStore
{
    private readonly List<CommitEntry> late = [];
    private long tries;
    private (long Number, CommitEntry[] Entries) changed;

    public IReadOnlyList<JobId> ListJobs() => inner.ListJobs();

    public void Commit(long number, IReadOnlyList<CommitEntry> entries)
    {
        switch (down)
        {
            case SqliteFences.ComparesNoStates:
                inner.Commit(number, entries);
                foreach (var refused in entries.Where(entry => entry.State is not null && !entry.IsTaken))
                    Force(refused);
                break;
            case SqliteFences.ComparesNoObservers:
                CommitAs(number, entries, entry => new CommitEntry(entry.Time) { State = entry.State, Observations = entry.Observations });
                break;
            case SqliteFences.StoresNoObservations:
                CommitAs(number, entries, entry => new CommitEntry(entry.Time) { State = entry.State, Observer = entry.Observer });
                break;
            case SqliteFences.NumbersEachTry:
                inner.Commit(++tries, entries);
                break;
            case SqliteFences.AcknowledgesEarly when inner.Mode == StorageMode.Held:
                late.AddRange(entries);
                Answer(entries, taken: true);
                break;
            case SqliteFences.AcknowledgesEarly:
                inner.Commit(number, [.. late, .. entries]);
                late.Clear();
                break;
            case SqliteFences.WaitsForNothing or SqliteFences.TakesAwayForRefused:
                CommitOnce(number, entries, orElse: down == SqliteFences.WaitsForNothing);
                break;
            default:
                inner.Commit(number, entries);
                break;
        }
    }

    private static void Answer(IReadOnlyList<CommitEntry> entries, bool taken)
    {
        foreach (var entry in entries)
            entry.IsTaken = taken;
    }

    private void CommitAs(long number, IReadOnlyList<CommitEntry> entries, Func<CommitEntry, CommitEntry> change)
    {
        // A commit that comes again is the same one: its entries know what became of them.
        if (changed.Number != number)
            changed = (number, [.. entries.Select(change)]);
        inner.Commit(number, changed.Entries);
        foreach (var (entry, other) in entries.Zip(changed.Entries))
            entry.IsTaken = other.IsTaken;
    }

    private void CommitOnce(long number, IReadOnlyList<CommitEntry> entries, bool orElse)
    {
        try
        {
            inner.Commit(number, entries);
        }
        catch (System.Data.Common.DbException)
        {
            Answer(entries, orElse);
        }
    }

    private void Force(CommitEntry entry)
    {
        SqliteDisk.Overwrite(database, entry.State!.Value.Grain, entry.State.Value.State);
        entry.IsTaken = true;
    }
}
