using Coordinator.Disk;

namespace Coordinator.Worker.Files;

/// <summary>
/// A file that becomes visible all at once or not at all: bytes go to a temporary file in the target's own directory,
/// and <see cref="Commit"/> makes them durable before one rename shows them under the final name.
/// A process that dies in between leaves the previous file untouched and at most a <c>*.tmp</c> beside it. It is its owner's alone.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string temporaryPath;
    private bool committed;

    private AtomicFile(string temporaryPath)
    {
        this.temporaryPath = temporaryPath;
        Stream = PrivateFiles.Open(temporaryPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, bufferSize: 1 << 16);
    }

    /// <summary>
    /// Where the content is written; also readable and seekable, so that what was written can be checked before it is shown.
    /// </summary>
    public FileStream Stream { get; }

    /// <summary>Opens a temporary file in <paramref name="directory"/>, which is created where it is missing.</summary>
    /// <param name="directory">Directory of the final file; a rename is atomic only inside one file system.</param>
    /// <param name="label">Begins the temporary file's name, so that a leftover tells what it was to become.</param>
    /// <exception cref="IOException">The directory or file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static AtomicFile Create(string directory, string label)
    {
        if (!Directory.Exists(directory))
            PrivateFiles.CreateFolder(directory);
        return new AtomicFile(Path.Combine(directory, $"{label}.{Guid.NewGuid():N}.tmp"));
    }

    /// <summary>
    /// Content to disk, then the rename, then the directory to disk: after the return the file survives a power cut.
    /// An existing file of that name is replaced, and so is a pipe or whatever else lies there; a folder is moved aside.
    /// </summary>
    /// <param name="path">Final name, in the directory that was given to <see cref="Create"/>.</param>
    /// <exception cref="IOException">Flushing or renaming failed; nothing is visible under the name that was not before.</exception>
    public void Commit(string path)
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        RegularFile.MakeWay(path);
        File.Move(temporaryPath, path, overwrite: true);
        committed = true;
        DurableFolder.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Closes the file; what was not committed is deleted.</summary>
    public void Dispose()
    {
        if (committed)
        {
            Stream.Dispose();
            return;
        }

        try
        {
            // Closing writes what is still buffered: on a full disk that fails once more.
            Stream.Dispose();
        }
        catch (Exception full) when (StorageFailure.Is(full))
        {
            // Nobody wants the content any more.
        }

        try
        {
            File.Delete(temporaryPath);
        }
        catch (IOException)
        {
            // A leftover temporary file harms nobody, and the error that led here is the one worth reporting.
        }
        catch (UnauthorizedAccessException)
        {
            // As above.
        }
    }
}
