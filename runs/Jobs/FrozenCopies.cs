using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Data;

namespace Coordinator.Runs.Jobs;

/// <summary>The copies of a run's frozen data in its directory: the command's, each worker's, and the silo's.</summary>
internal static class FrozenCopies
{
    /// <summary>A sound copy, read to its end; null: there is none.</summary>
    public static string? Find(RunDirectory directory, DataSpec data) =>
        Folders(directory).Select(folder => DataStore.PathOf(folder, data.Sha256)).FirstOrDefault(path => IsSound(path, data));

    /// <summary>
    /// Brings a job's data, the weights that it starts from and its own program to the silo where it has no sound copy of them.
    /// </summary>
    /// <param name="calls">The run's calls: a silo that dies meanwhile comes back.</param>
    /// <param name="id">The job.</param>
    /// <param name="directory">The run's directory.</param>
    /// <param name="cancel">Ends the waiting for the silo.</param>
    /// <returns>A sound copy of the data in the run's directory; null: there is none, or none is needed.</returns>
    /// <exception cref="CommandException">They are nowhere.</exception>
    public static async Task<string?> RestoreAsync(SiloCalls calls, JobId id, RunDirectory directory, CancellationToken cancel)
    {
        if (await calls.AskAsync((silo, limit) => silo.GetJobAsync(id, limit), cancel) is not { Phase: not ("finished" or "failed") } job)
            return null;
        if (job.Spec.Initial is { } initial)
            await RestoreAsync(calls, id, new DataSpec { Sha256 = initial.Sha256, Bytes = initial.Bytes }, directory, cancel);
        if (job.Spec.Program is { } program)
            await RestoreAsync(calls, id, new DataSpec { Sha256 = program.Sha256, Bytes = program.Bytes }, directory, cancel);
        return job.Spec.Data.Sha256.Length > 0 ? await RestoreAsync(calls, id, job.Spec.Data, directory, cancel) : null;
    }

    private static async Task<string?> RestoreAsync(
        SiloCalls calls, JobId id, DataSpec data, RunDirectory directory, CancellationToken cancel)
    {
        var copy = Find(directory, data);
        if (await calls.AskAsync((silo, limit) => silo.HasDataAsync(data.Sha256, limit), cancel))
            return copy;
        var sound = copy ?? throw Missing(id, data, directory);
        await calls.MoveAsync(
            async (silo, limit) =>
            {
                await silo.UploadDataAsync(sound, data.Sha256, limit);
                return true;
            },
            cancel);
        Console.WriteLine($"the silo had no sound copy of the job's data: it has that of {sound} now");
        return sound;
    }

    private static IEnumerable<string> Folders(RunDirectory directory) =>
        [directory.File("data"), .. Directory.EnumerateDirectories(directory.Path, "worker-*").Order(
            StringComparer.Ordinal), Path.Combine(directory.File("silo"), "data")];

    private static bool IsSound(string path, DataSpec data)
    {
        try
        {
            FrozenData.Open(path, data).Dispose();
            return true;
        }
        catch (DataException)
        {
            return false;
        }
    }

    private static CommandException Missing(JobId id, DataSpec data, RunDirectory directory) => new(
        ExitCodes.RunFailed,
        $"The data of job {id} (SHA-256 {data.Sha256}, {data.Bytes} bytes) are missing or damaged everywhere: there is no sound copy in "
            + $"{directory.File("data")}, with the silo, or with a worker.",
        $"Nothing else is lost. Put the file back as {DataStore.PathOf(directory.File("data"), data.Sha256)} (freezing the same files "
            + "again makes the same file), and run this command again.");
}
