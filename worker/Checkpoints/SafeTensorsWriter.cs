using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Worker.Files;

namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// Writes a safetensors file without ever holding it: the header is known from names, types and shapes, then the tensors'
/// elements are appended in the order of <see cref="Tensors"/>, in pieces of any size. The file appears under its name,
/// whole and durable, with <see cref="Commit"/>; a writer disposed of before leaves nothing.
/// </summary>
public sealed class SafeTensorsWriter : IDisposable
{
    private readonly AtomicFile file;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly string path;
    private int current;
    private long writtenBytes;

    private SafeTensorsWriter(string path, AtomicFile file, SafeTensorsLayout layout)
    {
        (this.path, this.file, Tensors) = (path, file, layout.Tensors);
        AppendHashed(layout.Header);
    }

    /// <summary>The tensors with their ranges, in the order in which their elements must come: falling alignment, then name.</summary>
    public IReadOnlyList<SafeTensor> Tensors { get; }

    /// <summary>Begins a file.</summary>
    /// <param name="path">Final name; its directory is created where it is missing.</param>
    /// <param name="tensors">Names, types and shapes in any order; their ranges are ignored.</param>
    /// <param name="metadata">Entries beside <c>"format":"pt"</c>, which is always there unless given otherwise.</param>
    /// <exception cref="ArgumentException">Tensors that cannot be written: repeated, reserved or invalid names, impossible
    /// shapes.</exception>
    /// <exception cref="IOException">The file cannot be created or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static SafeTensorsWriter Create(
        string path, IEnumerable<SafeTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("safetensors are written on little-endian machines only");

        var layout = SafeTensorsLayout.Plan(tensors, metadata);
        var full = Path.GetFullPath(path);
        var file = AtomicFile.Create(Path.GetDirectoryName(full)!, Path.GetFileName(full));
        try
        {
            return new SafeTensorsWriter(full, file, layout);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Appends elements to a float32 tensor.</summary>
    /// <exception cref="InvalidOperationException">Not the tensor whose turn it is, not float32, or more elements than it has.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    public void Append(string name, ReadOnlySpan<float> elements)
    {
        if (Tensors.FirstOrDefault(tensor => tensor.Name == name) is { } tensor && tensor.Dtype != SafeTensorsDtype.F32)
            throw new InvalidOperationException($"tensor '{name}' holds {tensor.Dtype.FileName()}, not F32");

        AppendBytes(name, MemoryMarshal.AsBytes(elements));
    }

    /// <summary>Appends bytes to a tensor: little-endian elements in C order.</summary>
    /// <inheritdoc cref="Append(string, ReadOnlySpan{float})" path="/exception"/>
    public void AppendBytes(string name, ReadOnlySpan<byte> bytes)
    {
        SkipFinished(name);
        if (current == Tensors.Count || Tensors[current].Name != name)
        {
            var turn = current == Tensors.Count ? "none, all are complete" : $"'{Tensors[current].Name}'";
            throw new InvalidOperationException($"tensor '{name}' came where the file's order has {turn}");
        }

        var left = Tensors[current].Bytes - writtenBytes;
        if (bytes.Length > left)
            throw new InvalidOperationException($"tensor '{name}' was given {bytes.Length} bytes where {left} are missing");

        AppendHashed(bytes);
        writtenBytes += bytes.Length;
    }

    /// <summary>Makes the file durable and visible.</summary>
    /// <returns>SHA-256 of the whole file, lower-case hexadecimal: what <c>sha256sum</c> prints.</returns>
    /// <exception cref="InvalidOperationException">A tensor is not complete.</exception>
    /// <exception cref="IOException">Flushing or renaming failed; the name shows what it showed before.</exception>
    public string Commit()
    {
        SkipFinished(null);
        if (current < Tensors.Count)
        {
            var tensor = Tensors[current];
            throw new InvalidOperationException($"tensor '{tensor.Name}' has {writtenBytes} of its {tensor.Bytes} bytes");
        }

        file.Commit(path);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        file.Dispose();
        hash.Dispose();
    }

    // Moves on from complete tensors, but not from the one that is being named: an empty tensor may be appended to with nothing.
    private void SkipFinished(string? name)
    {
        while (current < Tensors.Count && Tensors[current].Bytes == writtenBytes && Tensors[current].Name != name)
        {
            current++;
            writtenBytes = 0;
        }
    }

    private void AppendHashed(ReadOnlySpan<byte> bytes)
    {
        file.Stream.Write(bytes);
        hash.AppendData(bytes);
    }
}
