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
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly long _dataStart;
    private readonly SafeTensorsHeader _header;
    private readonly Dictionary<string, SafeTensor> _byName;

    private SafeTensorsFile(SafeFileHandle handle, string path)
    {
        (_handle, _path) = (handle, path);
        var fileBytes = RandomAccess.GetLength(handle);
        if (fileBytes < 8)
        {
            throw new SafeTensorsException(SafeTensorsProblem.Truncated, $"{path}: {fileBytes} bytes are too few for the header's length");
        }

        Span<byte> prefix = stackalloc byte[8];
        ReadFully(0, prefix);
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes > SafeTensorsHeader.LargestBytes)
        {
            throw new SafeTensorsException(
                SafeTensorsProblem.HeaderTooLarge, $"{path}: a header of {headerBytes} bytes is above the format's {SafeTensorsHeader.LargestBytes}");
        }

        if ((long)headerBytes > fileBytes - 8)
        {
            throw new SafeTensorsException(
                SafeTensorsProblem.Truncated, $"{path}: {fileBytes} bytes are too few for a header of {headerBytes}");
        }

        var json = new byte[headerBytes];
        ReadFully(8, json);
        _dataStart = 8 + (long)headerBytes;
        _header = SafeTensorsHeader.Parse(path, json, fileBytes - _dataStart);
        _byName = _header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>Tensors in the order of their data.</summary>
    public IReadOnlyList<SafeTensor> Tensors => _header.Tensors;

    /// <summary>Entries of <c>__metadata__</c>; empty where there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

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
                FileNotFoundException or DirectoryNotFoundException => new SafeTensorsException(SafeTensorsProblem.Missing, $"{path}: no such file", e),
                IOException or UnauthorizedAccessException or NotSupportedException => Unreadable(path, e),
                _ => e,
            };
        }
    }

    /// <summary>The tensor of this name; false where there is none.</summary>
    public bool TryFind(string name, out SafeTensor tensor) => _byName.TryGetValue(name, out tensor!);

    /// <summary>Reads elements of a float32 tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="elements">Receives the elements.</param>
    /// <param name="first">Number of the first element to read, in C order.</param>
    /// <exception cref="ArgumentException">No such tensor, not float32, or not that many elements.</exception>
    /// <exception cref="SafeTensorsException">Reading failed.</exception>
    public void Read(string name, Span<float> elements, long first = 0)
    {
        if (_byName.TryGetValue(name, out var tensor) && tensor.Dtype != SafeTensorsDtype.F32)
        {
            throw new ArgumentException($"{_path}: tensor '{name}' holds {tensor.Dtype.FileName()}, not F32", nameof(name));
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, long.MaxValue / sizeof(float));
        ReadBytes(name, MemoryMarshal.AsBytes(elements), first * sizeof(float));
        if (!BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<float, uint>(elements);
            BinaryPrimitives.ReverseEndianness(words, words);
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
        if (!_byName.TryGetValue(name, out var tensor))
        {
            throw new ArgumentException($"{_path}: there is no tensor '{name}'", nameof(name));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.Bytes - bytes.Length);
        ReadFully(_dataStart + tensor.Begin + offset, bytes);
    }

    /// <summary>Copies the whole file, header and all, as it is now: of the file that was opened, whatever its path names by now.</summary>
    /// <exception cref="SafeTensorsException">Reading failed.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    public void CopyTo(Stream target)
    {
        var bytes = RandomAccess.GetLength(_handle);
        var piece = new byte[1 << 18];
        for (long at = 0; at < bytes; at += piece.Length)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, bytes - at));
            ReadFully(at, part);
            target.Write(part);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void ReadFully(long offset, Span<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
            {
                var count = RandomAccess.Read(_handle, bytes, offset);
                if (count == 0)
                {
                    throw new SafeTensorsException(SafeTensorsProblem.Truncated, $"{_path}: ends at byte {offset}, cut short while in use");
                }

                bytes = bytes[count..];
                offset += count;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(_path, e);
        }
    }

    private static SafeTensorsException Unreadable(string path, Exception cause) =>
        new(SafeTensorsProblem.Unreadable, $"{path}: cannot be read ({cause.Message}); check its permissions and its disk", cause);
}
