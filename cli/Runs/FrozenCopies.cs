using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Worker.Data;

namespace Coordinator.Cli.Runs;

/// <summary>The copies of a run's frozen data in its directory: the command's, and each worker's.</summary>
internal static class FrozenCopies
{
    private const int Attempts = 25;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>A sound copy, read to its end; null: there is none.</summary>
    public static string? Find(RunDirectory directory, DataSpec data) =>
        Folders(directory).Select(folder => DataStore.PathOf(folder, data.Sha256)).FirstOrDefault(path => IsSound(path, data));

    /// <summary>Brings a job's data to the silo where it has no sound copy of them.</summary>
    /// <returns>A sound copy in the run's directory; null: there is none, or none is needed.</returns>
    /// <exception cref="CommandException">The data are nowhere.</exception>
    public static async Task<string?> RestoreAsync(CoordinatorClient client, JobId id, RunDirectory directory, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (await client.GetJobAsync(id, cancel) is not { Phase: not ("finished" or "failed"), Spec.Data: { Sha256.Length: > 0 } data })
                    return null;
                var copy = Find(directory, data);
                if (await client.HasDataAsync(data.Sha256, cancel))
                    return copy;
                await client.UploadDataAsync(copy ?? throw Missing(id, data, directory), data.Sha256, cancel);
                Console.WriteLine($"the silo had no sound copy of the job's data: it has that of {copy} now");
                return copy;
            }
            catch (CoordinatorApiException away) when (away.MayRepeat && attempt < Attempts)
            {
                await Task.Delay(Pause, cancel);
            }
        }
    }

    private static IEnumerable<string> Folders(RunDirectory directory) =>
        [directory.File("data"), .. Directory.EnumerateDirectories(directory.Path, "worker-*").Order(StringComparer.Ordinal)];

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
        $"The data of job {id} (SHA-256 {data.Sha256}, {data.Bytes} bytes) are missing or damaged everywhere: there is no sound copy in {directory.File("data")}, with the silo, or with a worker.",
        $"Nothing else is lost. Put the file back as {DataStore.PathOf(directory.File("data"), data.Sha256)} (freezing the same files again makes the same file), and run this command again.");
}
