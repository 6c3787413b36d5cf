using System.Buffers;
using Coordinator.Disk;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Files;

namespace Coordinator.Worker.Data;

/// <summary>
/// Frozen data sets on a node, <c>&lt;directory&gt;/&lt;sha256&gt;.bin</c>. Several processes may share a directory:
/// files appear whole, and never change once they are there.
/// </summary>
public sealed class DataStore
{
    private static readonly SearchValues<char> HashDigits = SearchValues.Create("0123456789abcdef");

    private readonly string directory;
    private readonly Func<string, Stream, CancellationToken, Task>? fetch;
    private readonly TimeSpan readLimit;

    /// <param name="directory">Where the files are; created when something is stored.</param>
    /// <param name="fetch">
    /// Writes the data of the given SHA-256 to the stream, for data that is missing or damaged here; null where there is nowhere
    /// to fetch from. What it writes is checked before it is kept; what it throws goes to the caller of <see cref="OpenAsync"/>.
    /// </param>
    /// <param name="readLimit">How long the storage may say nothing while data are verified; null:
    /// <see cref="StorageRead.DefaultLimit"/>.</param>
    public DataStore(string directory, Func<string, Stream, CancellationToken, Task>? fetch = null, TimeSpan? readLimit = null) =>
        (this.directory, this.fetch, this.readLimit) = (directory, fetch, readLimit ?? StorageRead.DefaultLimit);

    /// <summary>Where the files are.</summary>
    public string Directory => directory;

    /// <summary>Whether a text is a SHA-256 as this project writes it: 64 lower-case hexadecimal digits.</summary>
    public static bool IsHash(ReadOnlySpan<char> text) => text.Length == 64 && !text.ContainsAnyExcept(HashDigits);

    /// <summary>Path of a frozen data set, whether it is there or not.</summary>
    /// <exception cref="ArgumentException">Not a lower-case hexadecimal SHA-256; it could name a file elsewhere.</exception>
    public static string PathOf(string directory, string sha256)
    {
        if (!IsHash(sha256))
            throw new ArgumentException($"'{sha256}' is no SHA-256 of 64 lower-case hexadecimal digits", nameof(sha256));

        return Path.Combine(directory, sha256 + ".bin");
    }

    /// <summary>Path of a frozen data set in this store, whether it is there or not.</summary>
    /// <exception cref="ArgumentException">Not a lower-case hexadecimal SHA-256.</exception>
    public string FileOf(string sha256) => PathOf(directory, sha256);

    /// <summary>Opens a data set after verifying size and hash; fetches it first where it is missing or damaged.</summary>
    /// <exception cref="DataException">
    /// <see cref="DataProblem.NotInStore"/> without a fetch, <see cref="DataProblem.Corrupt"/> where the stored (without a fetch) or
    /// the fetched bytes are not the frozen ones, <see cref="DataProblem.Unreadable"/>, <see cref="DataProblem.StoreUnwritable"/>.
    /// </exception>
    public Task<FrozenData> OpenAsync(DataSpec spec, CancellationToken cancel = default) =>
        ReadAsync(spec.Sha256, (path, moved) => FrozenData.Open(path, spec, moved), cancel);

    /// <summary>
    /// Reads a file of the store by a reading that verifies what it reads; fetches it first where it is missing or damaged.
    /// </summary>
    /// <param name="sha256">Which file.</param>
    /// <param name="read">The reading, of a path; it says so after every piece, and throws <see cref="DataException"/> where the file is
    /// not what it should be.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <inheritdoc cref="OpenAsync" path="/exception"/>
    public async Task<T> ReadAsync<T>(string sha256, Func<string, Action, T> read, CancellationToken cancel = default)
    {
        var path = PathOf(directory, sha256);
        try
        {
            return await ReadOnceAsync(path, read, cancel).ConfigureAwait(false);
        }
        catch (DataException e) when (e.Problem is DataProblem.Missing && this.fetch is null)
        {
            throw new DataException(
                DataProblem.NotInStore,
                $"{path}: this data is not on this node and there is no server to fetch it from; "
                + "copy the file here or start the worker with its silo's address",
                e);
        }
        catch (DataException e) when (e.Problem is DataProblem.Missing or DataProblem.Corrupt or DataProblem.Unreadable
            && this.fetch is not null
            && e.InnerException is not StorageTimeoutException)
        {
            // Missing, damaged, or on a disk that fails: the fetched copy takes its place below.
        }

        await FetchAsync(path, sha256, cancel).ConfigureAwait(false);
        return await ReadOnceAsync(path, read, cancel).ConfigureAwait(false);
    }

    /// <summary>Reads on a thread that may be left behind, so that no rank waits for storage that never answers.</summary>
    private async Task<T> ReadOnceAsync<T>(string path, Func<string, Action, T> read, CancellationToken cancel)
    {
        try
        {
            return await StorageRead.RunAsync(path, readLimit, reading => read(path, reading.Moved), cancel).ConfigureAwait(false);
        }
        catch (StorageTimeoutException e)
        {
            throw new DataException(DataProblem.Unreadable, e.Message, e);
        }
    }

    private async Task FetchAsync(string path, string sha256, CancellationToken cancel)
    {
        using var file = CreateTemporary(path, sha256);
        await fetch!(sha256, file.Stream, cancel).ConfigureAwait(false);
        try
        {
            file.Stream.Position = 0;
            var found = Convert.ToHexStringLower(
                await System.Security.Cryptography.SHA256.HashDataAsync(file.Stream, cancel).ConfigureAwait(false));
            if (found != sha256)
            {
                throw new DataException(
                    DataProblem.Corrupt,
                    $"{path}: fetched {file.Stream.Length} bytes with SHA-256 {found} where {sha256} was asked for; "
                    + "the sender's copy is damaged: freeze the data there again");
            }

            file.Commit(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.StoreUnwritable(directory, e);
        }
    }

    private AtomicFile CreateTemporary(string path, string sha256)
    {
        try
        {
            return AtomicFile.Create(Path.GetDirectoryName(path)!, sha256);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.StoreUnwritable(directory, e);
        }
    }
}
