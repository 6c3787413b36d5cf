using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Files;

namespace Coordinator.Runs.Paths;

/// <summary>Folders that a command writes into.</summary>
public static class FolderPath
{
    /// <summary>Makes a folder where it is missing, for its owner alone, and finds that it can be written.</summary>
    /// <param name="what">The option or argument that names it.</param>
    /// <param name="text">What was given.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="CommandException">It cannot be made, or not be written; nothing was left in it.</exception>
    public static string Make(string what, string text)
    {
        var path = PathText.Full(what, text);
        try
        {
            path = PrivateFiles.CreateFolder(path, "run.json", "run.lock", "coordinator.db", "boot-*");
            if (PrivateFiles.WhyOpen(path) is { } open)
                Console.Error.WriteLine($"warning: {open}; what is made in it is closed all the same");
            Probe(path);
            return path;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw Refused(what, path, refused);
        }
    }

    /// <summary>
    /// Finds that a folder can be made and written, and makes none: the nearest one above it that is there is written to, and cleaned.
    /// </summary>
    /// <exception cref="CommandException">It cannot.</exception>
    internal static void Look(string what, string path)
    {
        try
        {
            var there = path;
            while (FileKinds.Of(there) == FileKind.Missing && Path.GetDirectoryName(there) is { } above)
                there = above;
            if (FileKinds.Of(there) != FileKind.Folder)
            {
                throw new CommandException(
                    ExitCodes.Usage, $"{what} lies in {path}, and {there} is a file and no folder.", $"Name another place with {what}.");
            }
            Probe(there);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw Refused(what, path, refused);
        }
    }

    // Permissions, read-only file systems and folders of the kernel's show themselves in no other way than by a file that is made.
    private static void Probe(string folder)
    {
        var path = Path.Combine(folder, $".coordinator-{Guid.NewGuid():N}");
        File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose).Dispose();
    }

    private static CommandException Refused(string what, string path, Exception refused) => new(
        ExitCodes.Usage,
        Path.Exists(path) && !Directory.Exists(path)
            ? $"{what} needs a folder, and {path} is a file."
            : $"{what} cannot use the folder {path}: {refused.Message}",
        $"Name a folder that can be written with {what}.");
}
