using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Paths;
using Coordinator.Server.Files;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// A run that has finished, and whose command is given again: nothing is trained, and its model is where it was asked for.
/// </summary>
public static class FinishedRun
{
    /// <summary>The model of a finished run in its silo's store.</summary>
    public static string StoredModel(RunRecord record, RunDirectory directory) =>
        StoredModel(directory, record.ModelFile ?? ModelFiles.NameOf(record.JobId, 0, 0));

    /// <summary>The model of a finished job in its silo's store.</summary>
    public static string StoredModel(JobView job, RunDirectory directory) => StoredModel(directory, NameOf(job));

    /// <summary>Name of the model of a finished job in its silo's store.</summary>
    public static string NameOf(JobView job) =>
        ModelFiles.NameOf(job.Id, job.Spec.Training.Steps, job.Submitted?.Steps ?? job.Spec.Training.Steps);

    private static string StoredModel(RunDirectory directory, string name) => Path.Combine(directory.File("silo"), "models", name);

    /// <summary>Finds the model in its place, by its hash, or writes it again from the silo's store.</summary>
    /// <returns>Whether it is there now; false where the store has no sound copy either.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static async Task<bool> PlaceAsync(RunRecord record, RunDirectory directory, OutputPath output, CancellationToken cancel)
    {
        if (output.Kind == FileKind.Regular && !output.IsStream && await HashAsync(output.Path, cancel) == record.ModelSha256)
            return true;
        var stored = StoredModel(record, directory);
        if (!File.Exists(stored) || await HashAsync(stored, cancel) != record.ModelSha256)
            return false;
        var partial = output.CreatePartialName();
        try
        {
            await CopyAsync(stored, partial, cancel);
            await output.DeliverAsync(partial, cancel);
            return true;
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>With the permissions of the user's own files: the store's are for its owner alone.</summary>
    private static async Task CopyAsync(string from, string to, CancellationToken cancel)
    {
        await using var source = File.OpenRead(from);
        await using var target = UserMask.CreateUsersFile(to);
        await source.CopyToAsync(target, cancel);
        target.Flush(flushToDisk: true);
    }

    private static async Task<string?> HashAsync(string path, CancellationToken cancel)
    {
        try
        {
            await using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
