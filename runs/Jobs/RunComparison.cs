using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// What <c>train</c> does in a directory that holds a run already. A scheduler that starts a job again runs the same command again, and
/// that has to go on with the run; any other command would end with another model, and is refused before it has changed anything.
/// </summary>
public static class RunComparison
{
    private const int MostShown = 4;

    /// <summary>Refuses a command that is another than the one that began the run, and than the run as it is now.</summary>
    /// <param name="there">What the directory records.</param>
    /// <param name="asked">What is asked for now; its data need not be frozen yet.</param>
    /// <param name="directory">The directory.</param>
    /// <param name="withData">Whether the data are to be compared too.</param>
    /// <exception cref="CommandException">It is another command.</exception>
    public static void RefuseOther(RunRecord there, RunRecord asked, RunDirectory directory, bool withData)
    {
        // What 'resume' has changed since changes no step that was trained: the command that began the run is known by what it asked for.
        string[] differences = [.. Differences(there.AsAsked(), asked, withData)];
        if (differences.Length == 0 || !Differences(there.AsRunning(), asked, withData).Any())
            return;
        var more = differences.Length > MostShown ? $", and {differences.Length - MostShown} more" : "";
        var steps = asked.ReadSpec()?.Training.Steps;
        var further = steps > there.RunningSpec()?.Training.Steps ? $" --steps {steps}" : "";
        throw Refused(there, directory, $"was started by another command: {string.Join("; ", differences.Take(MostShown))}{more}", further);
    }

    /// <summary>The refusal of a directory that holds a run: what is there, how far it is, and how to go on with it.</summary>
    /// <param name="there">What the directory records.</param>
    /// <param name="directory">The directory.</param>
    /// <param name="why">Why this command cannot go on with it, behind the run's name.</param>
    /// <param name="options">Options of the command that goes on, where this one asks for more steps.</param>
    public static CommandException Refused(RunRecord there, RunDirectory directory, string why, string options = "") => new(
        ExitCodes.Usage,
        $"{directory.Path} holds the run of job {there.Job}, which {why}. {Progress(there, directory)}",
        $"To go on with it: coordinator resume {ShellWord.Of(directory.Path)}{options}   For another run name another directory with "
            + "--work-dir; nothing was changed in this one.");

    private static IEnumerable<string> Differences(RunRecord there, RunRecord asked, bool withData)
    {
        if (there.ReadSpec() is not { } before)
        {
            yield return "it was begun by an older version, which did not note its command";
            yield break;
        }

        var now = asked.ReadSpec()!;
        foreach (var key in JobKeys.All.Concat(JobKeys.Of(before)).Concat(JobKeys.Of(now)).DistinctBy(key => key.Name).Where(key =>
            withData || !JobKeys.IsFrozenFile(key)))
        {
            if (key.Get(before) != key.Get(now))
                yield return $"{key.Name} is {key.Get(before)} there and {key.Get(now)} here";
        }

        if (there.WorkerArguments.Count != asked.WorkerArguments.Count)
        {
            yield return $"it has {Counted.Of(there.WorkerArguments.Count, "worker")}, and {asked.WorkerArguments.Count} are asked for";
        }
        else if (there.GpusPerWorker != asked.GpusPerWorker
            || there.WorkerArguments.Zip(asked.WorkerArguments).Any(pair => !pair.First.SequenceEqual(pair.Second)))
        {
            yield return $"its workers have '{string.Join(' ', there.WorkerArguments[0])}', and "
                + $"'{string.Join(' ', asked.WorkerArguments[0])}' is asked for";
        }
        if (there.Output != asked.Output)
            yield return $"--out is {there.Output} there and {asked.Output} here";
    }

    private static string Progress(RunRecord there, RunDirectory directory)
    {
        if (there.ModelSha256 is { } sha256)
            return $"It has finished; its model (sha256 {sha256[..12]}…) went to {there.Output}.";
        var newest = NewestCheckpoint(there, directory.File("checkpoints"));
        return newest is null
            ? "It has not finished, and there is no checkpoint of it yet."
            : $"It has not finished; its newest checkpoint is of step {newest}.";
    }

    private static long? NewestCheckpoint(RunRecord there, string path)
    {
        if (!Directory.Exists(path))
            return null;
        try
        {
            var folder = new CheckpointFolder(path);
            return folder.List(there.JobId)
                .Where(id => File.Exists(Path.Combine(folder.PathOf(there.JobId, id), CheckpointManifest.FileName)))
                .Select(id => (long?)id.Step).Max();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CheckpointException)
        {
            return null;
        }
    }
}
