using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.Programs;

/// <summary>
/// The weights that a job starts from, where it starts from another job's: a safetensors file with exactly the tensors of the job's own
/// model, by name, shape and type. Optimizer state is not among them and begins at zero, as from the seed.
/// <para>
/// The bytes that are used are the bytes that were hashed: the file is read once, from its first byte to its last, and is not looked at
/// again. So nothing that happens to it later can get into a model, and a rank that begins anew waits for no storage.
/// </para>
/// </summary>
public sealed class InitialWeights
{
    private const int PieceBytes = 1 << 20;

    private readonly float[] data;
    private readonly (int From, int To, int Count)[] places;

    private InitialWeights(float[] data, IReadOnlyList<SafeTensor> tensors, ParameterLayout layout)
    {
        this.data = data;
        places = [
            .. tensors.Select(stored => ((int)(stored.Begin / sizeof(float)), layout[stored.Name].Offset, layout[stored.Name].Length))
        ];
    }

    /// <summary>Why a file's tensors cannot be a model's parameters, naming the first that is wrong; null where they can.</summary>
    /// <param name="tensors">The file's tensors.</param>
    /// <param name="layout">The model's.</param>
    /// <param name="anyFloat">Whether other floats than float32 will do, since whoever reads them converts them. A job's bits must not
    /// rest on that.</param>
    public static string? WhyUnfit(IReadOnlyList<SafeTensor> tensors, ParameterLayout layout, bool anyFloat = false)
    {
        var byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (var tensor in layout.Tensors)
        {
            if (!byName.Remove(tensor.Name, out var stored))
                return $"it lacks the tensor '{tensor.Name}' of shape {Shape(tensor.Shape.Select(axis => (long)axis))}";
            if (stored.Dtype != SafeTensorsDtype.F32 && !(anyFloat && stored.Dtype.IsFloat()))
            {
                return $"its tensor '{tensor.Name}' holds {stored.Dtype.FileName()}, and parameters are "
                    + $"{(anyFloat ? "F32, BF16, F16 or F64" : "F32")}";
            }
            if (!stored.Shape.SequenceEqual(tensor.Shape.Select(axis => (long)axis)))
            {
                return $"its tensor '{tensor.Name}' has the shape {Shape(stored.Shape)}, and the job's model has "
                    + $"{Shape(tensor.Shape.Select(axis => (long)axis))}";
            }
        }

        return tensors.FirstOrDefault(tensor => byName.ContainsKey(tensor.Name)) is { } stray
            ? $"it has a tensor '{stray.Name}', which the job's model has not"
            : null;
    }

    /// <summary>Reads a file, and judges it only once its hash has been found right: a damaged one says nothing of the job.</summary>
    /// <param name="path">The file.</param>
    /// <param name="spec">What it must be.</param>
    /// <param name="layout">Places of the tensors.</param>
    /// <param name="moved">Told after every piece that was read; what it throws ends the reading.</param>
    /// <exception cref="DataException">
    /// <see cref="DataProblem.Missing"/>, <see cref="DataProblem.Unreadable"/>, or <see cref="DataProblem.Corrupt"/> where size or hash
    /// differ.
    /// </exception>
    /// <exception cref="InvalidJobException">The file is what the job names, and no model of the job's shape.</exception>
    public static InitialWeights Read(string path, InitialSpec spec, ParameterLayout layout, Action? moved = null)
    {
        using var handle = FrozenData.OpenHandle(path);
        try
        {
            return Read(path, handle, spec, layout, moved);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FrozenData.Unreadable(path, e);
        }
    }

    /// <summary>Writes the parameters into a device's state, and leaves the rest of it as it is.</summary>
    public void WriteTo(IRankDevice device)
    {
        foreach (var (from, to, count) in places)
            device.WriteState(to, data.AsSpan(from, count));
    }

    private static InitialWeights Read(string path, SafeFileHandle handle, InitialSpec spec, ParameterLayout layout, Action? moved)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var bytes = RandomAccess.GetLength(handle);
        long at = 0;
        var (tensors, data, why) = ((IReadOnlyList<SafeTensor>)[], Array.Empty<float>(), (string?)null);
        if (bytes == spec.Bytes)
        {
            try
            {
                tensors = ReadHeader();
                why = WhyUnfit(tensors, layout);
            }
            catch (SafeTensorsException wrong)
            {
                why = wrong.Message;
            }

            data = GC.AllocateUninitializedArray<float>(why is null ? layout.ParameterCount : 0);
            Take(MemoryMarshal.AsBytes(data.AsSpan()));
        }

        var rest = new byte[PieceBytes];
        while (at < bytes)
            Take(rest.AsSpan(0, (int)Math.Min(rest.Length, bytes - at)));
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) is var found && found != spec.Sha256)
        {
            throw new DataException(DataProblem.Corrupt, $"{path}: {bytes} bytes with SHA-256 {found}, where the job starts from "
                + $"{spec.Bytes} bytes with {spec.Sha256}; delete it, and it is fetched again");
        }
        if (why is not null)
        {
            throw new InvalidJobException($"The job cannot start from the weights {spec.Sha256}: {why}. Give the job the shape of that "
                + "model, or upload other weights as a safetensors file.");
        }
        if (!BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<float, uint>(data.AsSpan());
            BinaryPrimitives.ReverseEndianness(words, words);
        }

        return new InitialWeights(data, tensors, layout);

        IReadOnlyList<SafeTensor> ReadHeader()
        {
            var prefix = new byte[Math.Min(8, bytes)];
            Take(prefix);
            if (prefix.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(prefix) is var length
                && (length > SafeTensorsHeader.LargestBytes || (long)length > bytes - at))
            {
                throw new SafeTensorsException(
                    SafeTensorsProblem.Truncated, $"{path}: {bytes} bytes do not begin with a header's length and the header");
            }
            var json = new byte[length];
            Take(json);
            return SafeTensorsHeader.Parse(path, json, bytes - at).Tensors;
        }

        void Take(Span<byte> into)
        {
            while (into.Length > 0)
            {
                var count = RandomAccess.Read(handle, into[..Math.Min(into.Length, PieceBytes)], at);
                if (count == 0)
                {
                    throw new DataException(
                        DataProblem.Corrupt, $"{path}: ends at byte {at}, cut short while it was read; delete it, and it is fetched again");
                }
                hash.AppendData(into[..count]);
                at += count;
                into = into[count..];
                moved?.Invoke();
            }
        }
    }

    private static string Shape(IEnumerable<long> axes) => $"[{string.Join(", ", axes)}]";
}
