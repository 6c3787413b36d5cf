using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Machines.Jobs;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.Data;

/// <summary>
/// A frozen data set, open for reading: a plain run of tokens, one byte or two little-endian bytes each, or of rows of float32.
/// Thread-safe: every read carries its own offset. Read by system call and not memory-mapped, because a mapped file
/// that is cut short kills the process, while here it is an error that names the file.
/// <para>
/// What is read is what was verified: where the system says that somebody has touched the file since, all of it is verified again before
/// anything of it is used.
/// </para>
/// </summary>
public sealed class FrozenData : IDisposable
{
    private readonly SafeFileHandle handle;
    private readonly string path;
    private readonly DataSpec spec;
    private readonly int bytesPerToken;
    private readonly Lock verifying = new();
    private volatile Verified verified;
    private volatile bool isDamaged;

    private FrozenData(SafeFileHandle handle, string path, DataSpec spec, FileFacts verified)
    {
        this.handle = handle;
        this.path = path;
        this.spec = spec;
        this.verified = new Verified(verified);
        bytesPerToken = spec.Encoding == DataSpec.Table ? 0 : BytesPerToken(spec.Encoding);
        Tokens = bytesPerToken == 0 ? 0 : spec.Bytes / bytesPerToken;
        Rows = bytesPerToken == 0 ? spec.Bytes / spec.BytesPerSample : 0;
    }

    /// <summary>Whether a read has failed since it was opened: whoever opens it next must verify it again.</summary>
    public bool IsDamaged => isDamaged;

    /// <summary>Number of tokens, T; 0 of a table.</summary>
    public long Tokens { get; }

    /// <summary>Number of rows of a table; 0 of anything else.</summary>
    public long Rows { get; }

    /// <summary>Bytes of one token in <paramref name="encoding"/>, <c>bytes</c> or <c>uint16</c>.</summary>
    /// <exception cref="ArgumentException">Another encoding.</exception>
    public static int BytesPerToken(string encoding) => encoding switch
    {
        "bytes" => 1,
        "uint16" => 2,
        _ => throw new ArgumentException($"data encoding '{encoding}' is neither 'bytes' nor 'uint16'", nameof(encoding)),
    };

    /// <summary>Opens a frozen file and reads all of it once to verify size and hash.</summary>
    /// <exception cref="DataException">
    /// <see cref="DataProblem.Missing"/>, <see cref="DataProblem.Unreadable"/>, or <see cref="DataProblem.Corrupt"/> where size or hash
    /// differ.
    /// </exception>
    /// <param name="path">The file.</param>
    /// <param name="spec">What it must be.</param>
    /// <param name="moved">Told after every piece that was read; what it throws ends the reading.</param>
    public static FrozenData Open(string path, DataSpec spec, Action? moved = null)
    {
        var handle = OpenHandle(path);
        try
        {
            return new FrozenData(handle, path, spec, Verify(handle, path, spec, moved));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads consecutive tokens.</summary>
    /// <param name="first">Number of the first token, from 0.</param>
    /// <param name="tokens">Receives the tokens; <paramref name="first"/> plus its length is at most <see cref="Tokens"/>.</param>
    /// <exception cref="DataException"><see cref="DataProblem.Unreadable"/>, or <see cref="DataProblem.Corrupt"/> where the file was cut
    /// short meanwhile.</exception>
    public void ReadTokens(long first, Span<int> tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, Tokens - tokens.Length);
        var rented = ArrayPool<byte>.Shared.Rent(checked(tokens.Length * bytesPerToken));
        try
        {
            var bytes = rented.AsSpan(0, tokens.Length * bytesPerToken);
            ReadVerified(first * bytesPerToken, bytes);
            Decode(bytes, tokens);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Reads a row of a table.</summary>
    /// <param name="row">Its number, from 0.</param>
    /// <param name="numbers">Receives all columns.</param>
    /// <exception cref="DataException">As for tokens.</exception>
    public void ReadRow(long row, Span<float> numbers)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(numbers.Length, spec.Columns);
        var bytes = MemoryMarshal.AsBytes(numbers);
        ReadVerified(row * bytes.Length, bytes);
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<float, uint>(numbers), MemoryMarshal.Cast<float, uint>(numbers));
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    internal static SafeFileHandle OpenHandle(string path)
    {
        try
        {
            return RegularFile.OpenHandle(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataException(DataProblem.Missing, $"{path}: no such frozen data; freeze the data again", e);
        }
        catch (NotARegularFileException e)
        {
            throw new DataException(DataProblem.Corrupt, e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>
    /// Whether nobody has touched the file since it was verified. If somebody has, it is verified again, and what was read before that has
    /// to be read again.
    /// </summary>
    /// <exception cref="DataException">It is not what was frozen any more.</exception>
    private bool IsStillVerified()
    {
        var before = verified;
        if (Facts(handle, path) == before.Facts)
            return true;
        lock (verifying)
        {
            if (verified == before)
                verified = new Verified(Verify(handle, path, spec, moved: null));
        }

        return false;
    }

    private static FileFacts Facts(SafeFileHandle handle, string path)
    {
        try
        {
            return RegularFile.FactsOf(handle);
        }
        catch (IOException e)
        {
            throw Unreadable(path, e);
        }
    }

    /// <returns>What the system said of the file before it was read.</returns>
    private static FileFacts Verify(SafeFileHandle handle, string path, DataSpec spec, Action? moved)
    {
        var facts = Facts(handle, path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        long offset = 0;
        try
        {
            int count;
            while ((count = RandomAccess.Read(handle, buffer, offset)) > 0)
            {
                hash.AppendData(buffer, 0, count);
                offset += count;
                moved?.Invoke();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (offset != spec.Bytes)
        {
            throw new DataException(
                DataProblem.Corrupt,
                $"{path}: holds {offset} bytes where {spec.Bytes} were frozen; delete it and freeze or fetch the data again");
        }

        var found = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (found != spec.Sha256)
        {
            throw new DataException(
                DataProblem.Corrupt,
                $"{path}: has SHA-256 {found} where {spec.Sha256} was frozen; delete it and freeze or fetch the data again");
        }

        return facts;
    }

    private void ReadVerified(long offset, Span<byte> bytes)
    {
        try
        {
            do
            {
                ReadFully(offset, bytes);
            }
            while (!IsStillVerified());
        }
        catch (DataException)
        {
            isDamaged = true;
            throw;
        }
    }

    private void ReadFully(long offset, Span<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
            {
                var count = RandomAccess.Read(handle, bytes, offset);
                if (count == 0)
                {
                    throw new DataException(
                        DataProblem.Corrupt, $"{path}: ends at byte {offset}, cut short while in use; freeze or fetch the data again");
                }

                bytes = bytes[count..];
                offset += count;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private void Decode(ReadOnlySpan<byte> bytes, Span<int> tokens)
    {
        for (var i = 0; i < tokens.Length; i++)
            tokens[i] = bytesPerToken == 1 ? bytes[i] : BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
    }

    internal static DataException Unreadable(string path, Exception cause) =>
        new(DataProblem.Unreadable, $"{path}: cannot be read ({cause.Message}); check its permissions and its disk", cause);

    /// <summary>The facts under which the content was found right.</summary>
    private sealed record Verified(FileFacts Facts);
}
