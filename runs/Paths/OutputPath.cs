using System.Text;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Files;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Runs.Paths;

/// <summary>
/// A file that a command is to write. Its place is looked at before anything else is done, since hours of work may lie between. A regular
/// file appears whole or not at all: it is written beside its name and renamed. Links are followed, and stay. Into a device or a pipe the
/// bytes are written, since a rename would replace it by a file.
/// </summary>
public sealed class OutputPath
{
    private const int MostLinks = 40;
    private const int DeviceOrResourceBusy = 16;

    private readonly string option;
    private readonly string target;
    private readonly int? descriptor;

    private OutputPath(string option, string path, string target, FileKind kind, int? descriptor)
    {
        (this.option, Path, this.target, Kind, this.descriptor) = (option, path, target, kind, descriptor);
    }

    /// <summary>The full path, as it was named.</summary>
    public string Path { get; }

    /// <summary>What lay there when it was looked at.</summary>
    public FileKind Kind { get; }

    /// <summary>Whether the bytes go through: to a device, a pipe, or a file that this process has open already.</summary>
    public bool IsStream => descriptor is not null || Kind is FileKind.Pipe or FileKind.CharacterDevice;

    /// <summary>Whether the bytes go to standard output, where no other word may stand between them.</summary>
    public bool IsStandardOutput => descriptor == 1;

    /// <summary>Looks at a place: makes nothing that stays.</summary>
    /// <param name="option">The option that names it.</param>
    /// <param name="text">What was given.</param>
    /// <exception cref="CommandException">No file can be written there.</exception>
    public static OutputPath Look(string option, string text)
    {
        var path = PathText.Full(option, text);
        try
        {
            var (target, descriptor) = Follow(path);
            var kind = FileKinds.Of(target);
            if (descriptor is not null && kind != FileKind.Missing)
                return new OutputPath(option, path, target, kind, descriptor);
            if (kind == FileKind.Folder || System.IO.Path.EndsInDirectorySeparator(text))
            {
                throw Refused(
                    option,
                    path,
                    "it is a folder, and a file is to be written",
                    $"Name a file in it, such as {option} {System.IO.Path.Combine(path, "model.safetensors")}.");
            }
            if (kind is FileKind.BlockDevice or FileKind.Socket)
            {
                throw Refused(
                    option,
                    path,
                    $"it is a {(kind == FileKind.Socket ? "socket" : "disk")}, and nothing is written to one",
                    $"Name a file with {option}.");
            }
            var found = new OutputPath(option, path, target, kind, null);
            if (!found.IsStream)
                FolderPath.Look(option, System.IO.Path.GetDirectoryName(target)!);
            else if (!FileKinds.MayBeWritten(target))
                throw Refused(option, path, "it may not be written", $"Name another with {option}.");
            return found;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw Refused(option, path, refused.Message, $"Name a file in a folder that can be written with {option}.");
        }
    }

    /// <summary>
    /// A name under which the content is written first, in a folder that is there: beside the file, or where temporary files go.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public string CreatePartialName()
    {
        if (IsStream)
            return System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"coordinator-{Guid.NewGuid():N}.part");
        var folder = System.IO.Path.GetDirectoryName(target)!;
        UserMask.CreateUsersFolder(folder);
        PartialFiles.Clean(target);
        var name = PartialFiles.NameFor(target);
        return Encoding.UTF8.GetByteCount(System.IO.Path.GetFileName(name)) <= PathText.MostNameBytes ? name : System.IO.Path.Combine(
            folder, $"coordinator-{Guid.NewGuid():N}.part");
    }

    /// <summary>
    /// Shows what was written under <see cref="CreatePartialName"/>, durable by then, under its own name; or writes it into the device or
    /// pipe.
    /// </summary>
    /// <param name="partial">The file with the content; gone afterwards where it was renamed.</param>
    /// <param name="cancel">Ends a wait for a pipe's reader.</param>
    /// <exception cref="IOException">It cannot be written; the content is still under <paramref name="partial"/>.</exception>
    public async Task DeliverAsync(string partial, CancellationToken cancel)
    {
        if (IsStream)
        {
            await WriteIntoAsync(partial, cancel);
            return;
        }

        // Whoever put a device or a folder here meanwhile is not overrun.
        if (FileKinds.Of(target) is not (FileKind.Missing or FileKind.Regular))
            throw new IOException($"{target} is no regular file any more");
        try
        {
            File.Move(partial, target, overwrite: true);
        }
        catch (IOException busy) when (busy.HResult == DeviceOrResourceBusy)
        {
            // A single file that is mounted into a container cannot be renamed over.
            await WriteIntoAsync(partial, cancel);
            return;
        }

        try
        {
            DurableFolder.Flush(System.IO.Path.GetDirectoryName(target)!);
        }
        catch (IOException)
        {
            // The file is there. A folder that may be written and not read cannot be flushed.
        }
    }

    /// <summary>Writes a text.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public async Task WriteAsync(string text, CancellationToken cancel)
    {
        var partial = "";
        try
        {
            partial = CreatePartialName();
            var file = new StreamWriter(UserMask.CreateUsersFile(partial));
            await using (file)
                await file.WriteAsync(text.AsMemory(), cancel);
            await DeliverAsync(partial, cancel);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.RunFailed,
                $"{option} {Path} cannot be written: {failed.Message}",
                "Free space there or name another file, and run the command again.");
        }
        finally
        {
            if (partial.Length > 0)
                File.Delete(partial);
        }
    }

    // What this process has open already may be the log of a whole run, and is written on to.
    private FileMode Mode => Kind != FileKind.Regular ? FileMode.Open : descriptor is null ? FileMode.Truncate : FileMode.Append;

    private async Task WriteIntoAsync(string partial, CancellationToken cancel)
    {
        // A pipe is opened only once somebody reads from it, and that wait knows no cancellation: it is left behind.
        var target = await Task.Run(Open, cancel).WaitAsync(cancel);
        await using (target)
        {
            await using var source = File.OpenRead(partial);
            await source.CopyToAsync(target, cancel);
            await target.FlushAsync(cancel);
        }
    }

    private Stream Open() => descriptor switch
    {
        // The console's streams hide that nobody reads a pipe any more. A file's place is theirs to know.
        1 or 2 when Kind == FileKind.Pipe =>
            new FileStream(new SafeFileHandle(descriptor.Value, ownsHandle: false), FileAccess.Write, bufferSize: 0),
        1 => Console.OpenStandardOutput(),
        2 => Console.OpenStandardError(),
        _ => new FileStream(target, Mode, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0),
    };

    /// <summary>The place behind a path's links, or the file that this process has open where the path means one of those.</summary>
    private static (string Target, int? Descriptor) Follow(string path)
    {
        for (var hops = 0; hops < MostLinks; hops++)
        {
            if (DescriptorOf(path) is { } descriptor)
                return (path, descriptor);
            if (new FileInfo(path).LinkTarget is not { } next)
                return (path, null);
            path = System.IO.Path.GetFullPath(next, System.IO.Path.GetDirectoryName(path)!);
        }

        throw new IOException($"its links go round in a circle, or through more than {MostLinks}");
    }

    private static int? DescriptorOf(string path) => path switch
    {
        "/dev/stdout" => 1,
        "/dev/stderr" => 2,
        _ => System.IO.Path.GetDirectoryName(path) is { } folder && (
            folder is "/dev/fd" or "/proc/self/fd" or "/proc/thread-self/fd" || folder == $"/proc/{Environment.ProcessId}/fd")
            && int.TryParse(System.IO.Path.GetFileName(path), out var number) ? number : null,
    };

    private static CommandException Refused(string option, string path, string why, string remedy) =>
        new(ExitCodes.Usage, $"{option} {path} cannot be written: {why}.", remedy);
}
