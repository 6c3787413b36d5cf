using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Coordinator.Disk;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// A safetensors file, open for reading: the header is read and checked at once, tensors when they are asked for.
/// Reading is thread-safe. The file's hash is not verified here; that is for whoever knows what it should be.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    private readonly SafeFileHandle handle;
    private readonly string path;
    private readonly long dataStart;
    private readonly SafeTensorsHeader header;
    private readonly Dictionary<string, SafeTensor> byName;

    private SafeTensorsFile(SafeFileHandle handle, string path)
    {
        (this.handle, this.path) = (handle, path);
        var fileBytes = RandomAccess.GetLength(handle);
        if (fileBytes < 8)
            throw new SafeTensorsException(SafeTensorsProblem.Truncated, $"{path}: {fileBytes} bytes are too few for the header's length");

        Span<byte> prefix = stackalloc byte[8];
        ReadFully(0, prefix);
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (WhatElse(fileBytes) is { } format)
        {
            throw new SafeTensorsException(
                SafeTensorsProblem.BadHeader,
                $"{path}: {format}, and no safetensors file; name a model file that 'coordinator train' left");
        }

        if (headerBytes > SafeTensorsHeader.LargestBytes)
        {
            throw new SafeTensorsException(
                SafeTensorsProblem.HeaderTooLarge,
                $"{path}: no safetensors file: its first 8 bytes are no length of a header (at most {SafeTensorsHeader.LargestBytes}); "
                    + $"name a model file that 'coordinator train' left");
        }

        if ((long)headerBytes > fileBytes - 8)
        {
            throw new SafeTensorsException(
                SafeTensorsProblem.Truncated, $"{path}: {fileBytes} bytes are too few for a header of {headerBytes}");
        }

        var json = new byte[headerBytes];
        ReadFully(8, json);
        dataStart = 8 + (long)headerBytes;
        header = SafeTensorsHeader.Parse(path, json, fileBytes - dataStart);
        byName = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>Tensors in the order of their data.</summary>
    public IReadOnlyList<SafeTensor> Tensors => header.Tensors;

    /// <summary>Entries of <c>__metadata__</c>; empty where there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="SafeTensorsException">Missing, unreadable, or not as the format asks.</exception>
    public static SafeTensorsFile Open(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = RegularFile.OpenHandle(path);
            return new SafeTensorsFile(handle, path);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            throw e switch
            {
                FileNotFoundException or DirectoryNotFoundException =>
                    new SafeTensorsException(SafeTensorsProblem.Missing, $"{path}: no such file", e),
                IOException or UnauthorizedAccessException or NotSupportedException => Unreadable(path, e),
                _ => e,
            };
        }
    }

    /// <summary>The tensor of this name; false where there is none.</summary>
    public bool TryFind(string name, out SafeTensor tensor) => byName.TryGetValue(name, out tensor!);

    /// <summary>Reads elements of a float32 tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="elements">Receives the elements.</param>
    /// <param name="first">Number of the first element to read, in C order.</param>
    /// <exception cref="ArgumentException">No such tensor, not float32, or not that many elements.</exception>
    /// <exception cref="SafeTensorsException">Reading failed.</exception>
    public void Read(string name, Span<float> elements, long first = 0)
    {
        if (byName.TryGetValue(name, out var tensor) && tensor.Dtype != SafeTensorsDtype.F32)
            throw new ArgumentException($"{path}: tensor '{name}' holds {tensor.Dtype.FileName()}, not F32", nameof(name));

        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, long.MaxValue / sizeof(float));
        ReadBytes(name, MemoryMarshal.AsBytes(elements), first * sizeof(float));
        if (!BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<float, uint>(elements);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    /// <summary>Reads a whole tensor of floats as float32: exactly from bfloat16 and float16, rounded to nearest from float64.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="elements">Receives the elements, as many as the tensor has.</param>
    /// <exception cref="ArgumentException">No such tensor, none of floats (<see cref="SafeTensorsDtypes.IsFloat"/>), or not that many
    /// elements.</exception>
    /// <exception cref="SafeTensorsException">Reading failed.</exception>
    public void ReadFloats(string name, Span<float> elements)
    {
        var dtype = byName.TryGetValue(name, out var tensor) ? tensor.Dtype : throw new ArgumentException(
            $"{path}: there is no tensor '{name}'", nameof(name));
        if (dtype == SafeTensorsDtype.F32)
        {
            Read(name, elements);
            return;
        }

        var size = dtype.Bytes();
        var piece = new byte[Math.Min(elements.Length, 1 << 16) * size];
        for (var first = 0; first < elements.Length; first += piece.Length / size)
        {
            var part = elements[first..Math.Min(elements.Length, first + (piece.Length / size))];
            var bytes = piece.AsSpan(0, part.Length * size);
            ReadBytes(name, bytes, (long)first * size);
            for (var i = 0; i < part.Length; i++)
                part[i] = ToSingle(bytes[(i * size)..], dtype, name);
        }
    }

    /// <summary>Reads bytes of a tensor: little-endian elements in C order.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="bytes">Receives the bytes.</param>
    /// <param name="offset">First byte to read, counted from the tensor's start.</param>
    /// <exception cref="ArgumentException">No such tensor, or not that many bytes.</exception>
    /// <exception cref="SafeTensorsException">Reading failed.</exception>
    public void ReadBytes(string name, Span<byte> bytes, long offset = 0)
    {
        if (!byName.TryGetValue(name, out var tensor))
            throw new ArgumentException($"{path}: there is no tensor '{name}'", nameof(name));

        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.Bytes - bytes.Length);
        ReadFully(dataStart + tensor.Begin + offset, bytes);
    }

    /// <summary>Copies the whole file, header and all, as it is now: of the file that was opened, whatever its path names by now.</summary>
    /// <exception cref="SafeTensorsException">Reading failed.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    public void CopyTo(Stream target)
    {
        var bytes = RandomAccess.GetLength(handle);
        var piece = new byte[1 << 18];
        for (long at = 0; at < bytes; at += piece.Length)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, bytes - at));
            ReadFully(at, part);
            target.Write(part);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private float ToSingle(ReadOnlySpan<byte> element, SafeTensorsDtype dtype, string name) => dtype switch
    {
        SafeTensorsDtype.F64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(element),
        SafeTensorsDtype.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(element),
        SafeTensorsDtype.BF16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(element) << 16),
        _ => throw new ArgumentException($"{path}: tensor '{name}' holds {dtype.FileName()}, which are no floats", nameof(name)),
    };

    /// <summary>What the file is where its first bytes show that it is something else; null: they do not.</summary>
    private string? WhatElse(long fileBytes)
    {
        var head = new byte[Math.Min(FileFormats.HeadBytes, fileBytes)];
        ReadFully(0, head);

        // Its own mark is that of a safetensors file, and a header of spaces alone has none.
        return FileFormats.Of(head) is { } format && !format.IsModel ? format.Name : FileFormats.IsPlainText(head) ? "text" : null;
    }

    private void ReadFully(long offset, Span<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
            {
                var count = RandomAccess.Read(handle, bytes, offset);
                if (count == 0)
                    throw new SafeTensorsException(SafeTensorsProblem.Truncated, $"{path}: ends at byte {offset}, cut short while in use");

                bytes = bytes[count..];
                offset += count;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static SafeTensorsException Unreadable(string path, Exception cause) =>
        new(SafeTensorsProblem.Unreadable, $"{path}: cannot be read ({cause.Message}); check its permissions and its disk", cause);
}
