using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Server.Files;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Runs.Clusters;

/// <summary>
/// A private directory for one run: database, token, frozen data, logs. Readable by its owner only, since it holds the token.
/// One command at a time works in it: what a second one writes would be read by the first.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    /// <summary>The option that names it.</summary>
    public const string Option = "--work-dir";

    private readonly bool temporary;
    private readonly FileStream? held;

    private RunDirectory(string path, bool temporary, FileStream? held)
    {
        Path = path;
        this.temporary = temporary;
        this.held = held;
    }

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Creates the directory.</summary>
    /// <param name="given">Where the user wants it, and then it stays; null: under the temporary directory, removed after a run that went
    /// well.</param>
    /// <exception cref="CommandException">It cannot be made or written.</exception>
    public static RunDirectory Create(string? given) => new(Make(given), temporary: given is null, held: null);

    /// <summary>Creates the directory and keeps other commands out of it, before anything is written there.</summary>
    /// <param name="given">As for <see cref="Create"/>.</param>
    /// <param name="what">The option or argument that names it.</param>
    /// <exception cref="CommandException">It cannot be made or written, or another command works in it; nothing was changed.</exception>
    public static RunDirectory Take(string? given, string what = Option)
    {
        var path = Make(given, what);
        try
        {
            var held = FileLock.TryTake(System.IO.Path.Combine(path, "run.lock")) ?? throw new CommandException(
                ExitCodes.Usage,
                $"Another coordinator command is at work in {path}.",
                "Wait until it has ended or end it, or name another directory; nothing was changed in this one.");
            return new RunDirectory(path, temporary: given is null, held);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"{what} cannot use the folder {path}: {refused.Message}",
                $"Name a folder that can be written with {what}.");
        }
    }

    /// <summary>Whether a whole checkpoint lies in it, from which the run's job can go on.</summary>
    public bool HasCheckpoint
    {
        get
        {
            try
            {
                return Directory.Exists(File("checkpoints"))
                    && Directory.EnumerateFiles(File("checkpoints"), CheckpointManifest.FileName, SearchOption.AllDirectories).Any();
            }
            catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException)
            {
                // What cannot be looked at may be one.
                return true;
            }
        }
    }

    /// <summary>A file or folder in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Removes a temporary directory. After a failure it is kept instead: its logs say why.</summary>
    public void RemoveIfTemporary()
    {
        if (!temporary)
            return;
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A file still in use by the system stays behind in the temporary directory, which the system clears.
        }
    }

    /// <summary>Lets other commands in.</summary>
    public void Dispose() => held?.Dispose();

    private static string Make(string? given, string what = Option) => FolderPath.Make(
        what, given
            ?? System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"coordinator-{DateTime.Now:yyyyMMdd-HHmmss}-{Environment.ProcessId}"));
}
