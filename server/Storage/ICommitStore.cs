using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>
/// What makes the commits of <see cref="SqliteCommits"/> durable: a <see cref="SqliteStore"/>, or what a test puts before one. Called from
/// one thread.
/// </summary>
public interface ICommitStore
{
    /// <summary>
    /// Makes entries durable in one transaction, each whole or not at all, and notes of each whether it was taken. A number that was
    /// committed before, its acknowledgement lost, is not stored again; the entries know from then what became of them.
    /// </summary>
    /// <exception cref="System.Data.Common.DbException">Storage is away for now: the same commit comes again, under its number.</exception>
    void Commit(long number, IReadOnlyList<CommitEntry> entries);

    /// <summary>All jobs that were ever submitted, sorted.</summary>
    IReadOnlyList<JobId> ListJobs();
}
