using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;
using Coordinator.Worker.Programs;

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

    /// <summary>
    /// Looks at a program that a worker would load, by loading it here: its settings, its data, and its tensors. What is wrong with them is
    /// said before anything is started. Null for other programs, and for one that is with its silo alone.
    /// </summary>
    /// <param name="spec">The job, with its program and its data frozen.</param>
    /// <param name="packed">The frozen file; null: there is none here.</param>
    /// <exception cref="CommandException">It cannot compute the job.</exception>
    public static ParameterLayout? Check(JobSpec spec, string? packed)
    {
        if (packed is null || ProgramKinds.Of(spec) is not { IsLoaded: true })
            return null;
        var folder = Path.Combine(Directory.CreateTempSubdirectory("coordinator-program-").FullName, "files");
        try
        {
            ProgramFolder.Unpack(packed, folder);
            var program = TrainingPrograms.Create(spec, folder);
            (program as IDisposable)?.Dispose();
            return program.Layout;
        }
        catch (RankFaultException refused)
        {
            throw new CommandException(ExitCodes.Usage, $"{refused.Message}.",
                "Nothing was started. docs/programs.md says what a program in .NET has to be.", refused);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);
        }
    }
}
