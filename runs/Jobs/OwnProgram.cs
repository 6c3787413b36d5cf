using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;

namespace Coordinator.Runs.Jobs;

/// <summary>Freezes a program of one's own into its run's directory, beside the data and named like them.</summary>
public static class OwnProgram
{
    /// <summary>
    /// The spec with its program frozen, and the frozen file; null where the job's program is built in, or is with its silo.
    /// </summary>
    /// <param name="spec">The job.</param>
    /// <param name="path">What <c>--program</c> or the job file names: a full path.</param>
    /// <param name="directory">Where the frozen file goes.</param>
    /// <param name="before">The job that the directory is for already. Where the script is gone, its own frozen copy is what it
    /// was.</param>
    /// <exception cref="DataException">The program cannot be packed.</exception>
    public static (JobSpec Spec, string? File) Freeze(JobSpec spec, string? path, RunDirectory directory, JobSpec? before = null)
    {
        if (path is null || spec.Program is not { } program)
            return (spec, null);
        var store = directory.File("data");
        try
        {
            var (sha256, bytes) = ProgramFolder.Freeze(path, store);
            return (spec with { Program = program with { Sha256 = sha256, Bytes = bytes } }, DataStore.PathOf(store, sha256));
        }
        catch (DataException gone) when (gone.Problem is DataProblem.Missing or DataProblem.Unreadable
            && before?.Program is { } frozen
            && FrozenCopies.Find(directory, new DataSpec { Sha256 = frozen.Sha256, Bytes = frozen.Bytes }) is { } copy)
        {
            Console.Error.WriteLine($"{gone.Message}; the run's own copy is taken: {copy}");
            return (spec with { Program = program with { Sha256 = frozen.Sha256, Bytes = frozen.Bytes } }, null);
        }
    }
}
