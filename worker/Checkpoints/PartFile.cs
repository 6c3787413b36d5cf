using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines;

namespace Coordinator.Worker.Checkpoints;

/// <summary>Takes elements of a state: the number of the first, and the elements. They are the reader's again after the return.</summary>
public delegate void StateTaker(long offset, ReadOnlySpan<float> elements);

/// <summary>Reads one part of a checkpoint once, front to back, with its hash.</summary>
internal static class PartFile
{
    private const int PieceBytes = 1 << 20;

    /// <exception cref="CheckpointException">It is missing, has another size or hash, or is no part of this checkpoint.</exception>
    public static void Read(string path, CheckpointPart part, StateTaker take, Func<string, Stream> open)
    {
        try
        {
            CheckpointFolder.RefuseLink(new FileInfo(path));
            using var stream = open(path);
            if (stream.Length != part.Bytes)
            {
                throw new CheckpointException(
                    $"{path}: is {stream.Length} bytes long, and the manifest says {part.Bytes}: it was cut short or exchanged");
            }
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            ReadHeader(path, part, stream, hash);
            ReadElements(part, stream, hash, take);
            var sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
            if (sha256 != part.Sha256)
                throw new CheckpointException($"{path}: has SHA-256 {sha256}, and the manifest says {part.Sha256}: it is damaged");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException($"{path}: is missing; restore it, or remove the checkpoint's folder", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SafeTensorsException)
        {
            throw new CheckpointException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static void ReadHeader(string path, CheckpointPart part, Stream stream, IncrementalHash hash)
    {
        var prefix = new byte[8];
        stream.ReadExactly(prefix);
        hash.AppendData(prefix);
        var bytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        var expected = part.Bytes - 8 - (part.Elements * sizeof(float));
        if (bytes != (ulong)expected)
        {
            throw new CheckpointException(
                $"{path}: has a header of {bytes} bytes where {expected} are left beside {part.Elements} elements: it is damaged");
        }
        if (bytes > 1 << 16)
            throw new CheckpointException($"{path}: a header of {bytes} bytes is none of a part");
        var json = new byte[bytes];
        stream.ReadExactly(json);
        hash.AppendData(json);
        var header = SafeTensorsHeader.Parse(path, json, part.Elements * sizeof(float));
        if (header.Tensors is not [{ Name: CheckpointFolder.Tensor, Dtype: SafeTensorsDtype.F32 }]
            || header.Metadata.GetValueOrDefault(CheckpointFolder.OffsetKey) != part.Offset.ToString(CultureInfo.InvariantCulture))
        {
            throw new CheckpointException($"{path}: does not hold the state from element {part.Offset} on");
        }
    }

    private static void ReadElements(CheckpointPart part, Stream stream, IncrementalHash hash, StateTaker take)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("checkpoints are read on little-endian machines only");
        var piece = new byte[PieceBytes];
        var offset = part.Offset;
        for (var left = part.Elements * sizeof(float); left > 0;)
        {
            var bytes = piece.AsSpan(0, (int)Math.Min(left, piece.Length));
            stream.ReadExactly(bytes);
            hash.AppendData(bytes);
            take(offset, MemoryMarshal.Cast<byte, float>(bytes));
            offset += bytes.Length / sizeof(float);
            left -= bytes.Length;
        }
    }
}
