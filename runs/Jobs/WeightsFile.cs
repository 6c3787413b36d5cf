using System.Security.Cryptography;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Data;
using Coordinator.Worker.Files;
using Coordinator.Worker.Programs;

namespace Coordinator.Runs.Jobs;

/// <summary>Freezes the weights that a job starts from into its run's directory, beside its data and named like them.</summary>
public static class WeightsFile
{
    /// <summary>
    /// The spec with its weights frozen, and the frozen file; null where the job starts from its seed, or from weights that its silo has.
    /// </summary>
    /// <param name="spec">The job.</param>
    /// <param name="path">What <c>--init</c> or the job file names.</param>
    /// <param name="directory">Where the frozen file goes.</param>
    /// <param name="before">The job that the directory is for already. Where the file is gone, its own frozen copy is what it was.</param>
    /// <param name="layout">Tensors of a team's own program; null: those that the spec gives.</param>
    /// <exception cref="SafeTensorsException">The file is missing, damaged or no safetensors file.</exception>
    /// <exception cref="CommandException">It is sound, and its tensors are not those of the job's model; or it cannot be
    /// stored.</exception>
    public static (JobSpec Spec, string? File) Freeze(JobSpec spec, string? path, RunDirectory directory, JobSpec? before = null,
        ParameterLayout? layout = null)
    {
        if (path is null)
            return (spec, null);
        SafeTensorsFile weights;
        try
        {
            weights = SafeTensorsFile.Open(path);
        }
        catch (SafeTensorsException gone) when (gone.Problem is SafeTensorsProblem.Missing or SafeTensorsProblem.Unreadable
            && before?.Initial is { } initial
            && FrozenCopies.Find(directory, new DataSpec { Sha256 = initial.Sha256, Bytes = initial.Bytes }) is { } copy)
        {
            Console.Error.WriteLine($"{gone.Message}; the run's own copy is taken: {copy}");
            return (spec with { Initial = initial }, null);
        }

        using (weights)
            return Freeze(spec, path, weights, directory, layout ?? TrainingPrograms.Create(spec).Layout);
    }

    private static (JobSpec Spec, string? File) Freeze(JobSpec spec, string path, SafeTensorsFile weights, RunDirectory directory,
        ParameterLayout layout)
    {
        if (InitialWeights.WhyUnfit(weights.Tensors, layout) is { } why)
        {
            throw new CommandException(
                ExitCodes.Usage, $"The job cannot start from the weights in {path}: {why}.",
                "Give the job the shape that the model was trained with (--model.program, .layers, .heads, .channels, .block, .vocab), or "
                    + "name another file with --init.");
        }

        var store = directory.File("data");
        try
        {
            using var copy = AtomicFile.Create(store, "weights");
            weights.CopyTo(copy.Stream);
            copy.Stream.Position = 0;
            var initial = new InitialSpec { Sha256 = Convert.ToHexStringLower(SHA256.HashData(copy.Stream)), Bytes = copy.Stream.Length };
            var frozen = DataStore.PathOf(store, initial.Sha256);
            copy.Commit(frozen);
            return (spec with { Initial = initial }, frozen);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The weights in {path} cannot be stored in {store}: {failed.Message}",
                "Free space there, or name another directory with --work-dir.");
        }
    }
}
