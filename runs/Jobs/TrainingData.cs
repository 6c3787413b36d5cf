using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Paths;
using Coordinator.Worker.Data;

namespace Coordinator.Runs.Jobs;

/// <summary>Freezes a run's data into its directory.</summary>
public static class TrainingData
{
    /// <summary>The spec with its data frozen, and the frozen file; null for a program that needs none.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="path">What <c>--data</c> or the job file names; null for the repository's own sources and documents.</param>
    /// <param name="directory">Where the frozen file goes.</param>
    /// <param name="before">The job that the directory is for already. Where its sources are gone, its own frozen copy is what they
    /// were.</param>
    /// <param name="isBinary">Whether files are taken that are neither text nor tokens.</param>
    /// <param name="say">Told what the data are made of, and what was left out; null: nobody wants to know.</param>
    /// <exception cref="DataException">The data cannot be used.</exception>
    public static (JobSpec Spec, string? File) Freeze(
        JobSpec spec, string? path, RunDirectory directory, JobSpec? before = null, bool isBinary = false, Action<string>? say = null)
    {
        if (ProgramKinds.Find(spec.Model.Program) is { } kind
            && (!kind.TakesData || (path is null && (!kind.ReadsTokens || spec.Data.Sha256.Length > 0))))
        {
            return (spec, null);
        }
        var store = directory.File("data");
        try
        {
            var source = Find(path, isBinary);
            var frozen = new DataFreezer(store).Freeze(source, spec.Model);
            foreach (var line in say is null ? [] : DataReport.Of(source))
                say!(line);
            return (spec with { Data = frozen }, DataStore.PathOf(store, frozen.Sha256));
        }
        catch (DataException gone) when (gone.Problem is DataProblem.Missing or DataProblem.Unreadable or DataProblem.Empty
            && before is { Data: { Sha256.Length: > 0 } frozen } && FrozenCopies.Find(directory, frozen) is { } copy)
        {
            Console.Error.WriteLine($"{gone.Message}; the run's own copy is taken: {copy}");
            return (spec with { Data = frozen }, null);
        }
    }

    /// <summary>Data with a full path needs no current directory, which can have been removed.</summary>
    private static string CurrentDirectory(string? path) =>
        path is not null && Path.IsPathFullyQualified(path) ? Path.GetPathRoot(path)! : PathText.Full("--data", ".");

    private static DataSource Find(string? path, bool isBinary)
    {
        try
        {
            return DataSource.Find(path, CurrentDirectory(path), isBinary);
        }
        catch (DataException missing) when (path is null && missing.Problem == DataProblem.Missing)
        {
            // Started from elsewhere: the repository that this program was built in will do as well.
            try
            {
                return DataSource.Find(null, AppContext.BaseDirectory);
            }
            catch (DataException)
            {
                throw missing;
            }
        }
    }
}
