using System.Buffers.Binary;
using System.Security.Cryptography;
using Coordinator.Disk;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Files;

namespace Coordinator.Worker.Data;

/// <summary>A frozen file in the making: files added one after the other, checked, hashed and written in one pass.</summary>
internal sealed class JoinedData : IDisposable
{
    // Even, so that no token is ever split between two reads.
    private const int BufferBytes = 1 << 18;

    private readonly AtomicFile output;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] buffer = new byte[BufferBytes];
    private readonly string storeDirectory;
    private readonly int vocab;
    private string? firstPath;
    private byte lastByte;

    private JoinedData(string storeDirectory, AtomicFile output, int vocab) =>
        (this.storeDirectory, this.output, this.vocab) = (storeDirectory, output, vocab);

    /// <summary>Bytes joined so far.</summary>
    public long Bytes { get; private set; }

    /// <summary><c>bytes</c> or <c>uint16</c>, decided by the first file.</summary>
    public string Encoding { get; private set; } = "bytes";

    /// <exception cref="DataException"><see cref="DataProblem.StoreUnwritable"/>.</exception>
    public static JoinedData Create(string storeDirectory, int vocab)
    {
        try
        {
            return new JoinedData(storeDirectory, AtomicFile.Create(storeDirectory, "freezing"), vocab);
        }
        catch (Exception e) when (StorageFailure.Is(e))
        {
            throw DataFreezer.StoreUnwritable(storeDirectory, e);
        }
    }

    /// <summary>Appends one file; an empty one adds nothing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isBinary">Whether its bytes are taken as they are, whatever it is; else it must be text or a token shard.</param>
    /// <exception cref="DataException">The file cannot be read or used, or the store not written.</exception>
    public void Add(string path, bool isBinary = false)
    {
        using var input = Open(path);
        if (input is null)
            return;

        var count = Read(path, input, buffer.AsSpan(0, FileFormats.HeadBytes));
        var head = buffer.AsSpan(0, count);
        var isTokens = !isBinary && (path.EndsWith(TokenShard.Extension, StringComparison.Ordinal) || TokenShard.HasMagic(head));
        if (!isBinary && FileFormats.Of(head) is { } format)
            throw DataFreezer.WrongFormat(path, format);
        StartFile(path, isTokens ? "uint16" : "bytes");
        var start = isTokens ? TokenShard.Check(path, buffer.AsSpan(0, count), input.Length) : 0;
        long position = -start;
        while (count > 0)
        {
            var content = buffer.AsSpan(start, count - start);
            if (!isTokens && !isBinary && FileFormats.FirstZero(content) is >= 0 and var zero)
                throw NoText(path, position + start + zero);
            CheckVocabulary(path, content, long.Max(position, 0));
            Append(content);
            position += count;
            start = 0;
            count = Read(path, input, buffer);
        }

        if (isTokens && position % 2 != 0)
            throw new DataException(DataProblem.SizeMismatch, $"{path}: changed while it was read; freeze it when nothing writes to it");
    }

    /// <summary>Makes the file durable under its hash.</summary>
    /// <exception cref="DataException"><see cref="DataProblem.StoreUnwritable"/>.</exception>
    public DataSpec Commit(string directory)
    {
        var spec = new DataSpec { Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()), Bytes = Bytes, Encoding = Encoding };
        var path = DataStore.PathOf(directory, spec.Sha256);
        if (IsThere(path, spec))
        {
            // Replacing equal bytes gains nothing, and on Windows fails while a worker reads them.
            return spec;
        }

        try
        {
            output.Commit(path);
            return spec;
        }
        catch (Exception e) when (StorageFailure.Is(e))
        {
            throw DataFreezer.StoreUnwritable(directory, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        output.Dispose();
        hash.Dispose();
    }

    private static DataException NoText(string path, long zero) => new(
        DataProblem.WrongFormat,
        $"{path} is no text: its byte {zero} is zero; leave it out with a glob in --data, take its bytes as they are with --binary, or "
            + $"give tokens of 16 bits the ending {TokenShard.Extension}");

    private void StartFile(string path, string encoding)
    {
        if (firstPath is null)
        {
            (firstPath, Encoding) = (path, encoding);
        }
        else if (encoding != Encoding)
        {
            var (text, shard) = encoding == "bytes" ? (path, firstPath) : (firstPath, path);
            throw new DataException(
                DataProblem.MixedKinds,
                $"{text} is text and {shard} a token shard, and one job reads one kind; choose with a glob in --data, such as '*.txt' or "
                    + "'*train*.bin'");
        }
        else if (encoding == "bytes" && lastByte != (byte)'\n')
        {
            CheckVocabulary(path, "\n"u8, 0);
            Append("\n"u8);
        }
    }

    private void CheckVocabulary(string path, ReadOnlySpan<byte> content, long position)
    {
        var isTokens = Encoding == "uint16";
        if (vocab >= (isTokens ? 65536 : 256))
            return;

        var size = isTokens ? 2 : 1;
        for (var i = 0; i + size <= content.Length; i += size)
        {
            int token = isTokens ? BinaryPrimitives.ReadUInt16LittleEndian(content[i..]) : content[i];
            if (token >= vocab)
            {
                throw new DataException(
                    DataProblem.TokenOutOfRange,
                    $"{path}: token {(position + i) / size} is {token}, not below the model's vocabulary of {vocab}; raise --model.vocab "
                        + "or choose other data");
            }
        }
    }

    private void Append(ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty)
            return;

        try
        {
            output.Stream.Write(content);
        }
        catch (Exception e) when (StorageFailure.Is(e))
        {
            throw DataFreezer.StoreUnwritable(storeDirectory, e);
        }

        hash.AppendData(content);
        Bytes += content.Length;
        lastByte = content[^1];
    }

    /// <summary>The file, or what came through a pipe of the shell's; null where it is empty.</summary>
    private FileStream? Open(string path)
    {
        try
        {
            var named = RegularFile.OpenNamed(path);
            var input = named.CanSeek ? named : Spool(named);
            if (input.Length > 0)
                return input;
            input.Dispose();
            return null;
        }
        catch (NotARegularFileException e)
        {
            throw new DataException(
                DataProblem.Unreadable,
                $"{e.Message}. What a program writes is read where the shell hands it over, as in --data <(zcat text.gz)",
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(path, e);
        }
    }

    /// <summary>A pipe's content in a file that goes when it is closed: how long it is decides what it is.</summary>
    private FileStream Spool(FileStream pipe)
    {
        using (pipe)
        {
            var path = Path.Combine(storeDirectory, $"spool.{Guid.NewGuid():N}.tmp");
            var file = PrivateFiles.Open(
                path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            try
            {
                pipe.CopyTo(file);
                file.Position = 0;
                return file;
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
    }

    private static int Read(string path, FileStream input, Span<byte> buffer)
    {
        try
        {
            return input.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.Unreadable(path, e);
        }
    }

    private static bool IsThere(string path, DataSpec spec)
    {
        try
        {
            FrozenData.Open(path, spec).Dispose();
            return true;
        }
        catch (DataException)
        {
            return false;
        }
    }
}
