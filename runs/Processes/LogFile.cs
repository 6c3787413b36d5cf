using System.Text;

namespace Coordinator.Runs.Processes;

/// <summary>
/// A file that lines are appended to as they come. A line that cannot be written, for want of a disk, of room or of permission, is dropped,
/// and the next one is tried again: a log never ends what it tells of. Not thread-safe.
/// </summary>
public sealed class LogFile(string path) : IDisposable
{
    private FileStream? file;
    private long dropped;
    private bool isTorn;

    /// <summary>Appends a line; says before it how many are missing, if any are.</summary>
    public void WriteLine(string line)
    {
        try
        {
            // Without a buffer: what does not fit on the disk must not be tried again with every later line, nor when the file is closed.
            file ??= new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var gap = dropped == 0 ? "" : $"{(isTorn ? "\n" : "")}({dropped} lines are missing here: they could not be written)\n";
            var start = file.Length;
            try
            {
                file.Write(Encoding.UTF8.GetBytes($"{gap}{line}\n"));
                (dropped, isTorn) = (0, false);
            }
            catch (IOException)
            {
                isTorn |= file.Length > start;
                throw;
            }
        }
        catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException)
        {
            dropped++;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            file?.Dispose();
        }
        catch (IOException)
        {
            // A network disk may say only now that it is full.
        }
    }
}
