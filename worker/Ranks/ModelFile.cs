using System.Runtime.InteropServices;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Ranks;

/// <summary>A named piece of the parameters.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Shape">Lengths of its axes, row-major.</param>
/// <param name="Offset">Its first element among the parameters, counted in elements of four bytes.</param>
public sealed record ModelTensor(string Name, IReadOnlyList<long> Shape, long Offset)
{
    /// <summary>Type of its elements.</summary>
    public SafeTensorsDtype Dtype { get; init; } = SafeTensorsDtype.F32;

    /// <summary>Number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (product, axis) => checked(product * axis));
}

/// <summary>
/// A final model as a safetensors file: the parameters, and the model's spec under <c>coordinator.model</c>, so that it can be used
/// without its job. Its bytes follow from spec and parameters alone.
/// </summary>
public static class ModelFile
{
    /// <summary>Metadata key of the model's spec, as JSON.</summary>
    public const string SpecKey = "coordinator.model";

    /// <summary>
    /// Metadata key of the program that made it, where that is one of the team's own: its entry and the hash of its files.
    /// </summary>
    public const string ProgramKey = "coordinator.program";

    private const int MostAtOnce = 1 << 18;

    /// <summary>Writes the file; it appears whole and durable.</summary>
    /// <returns>SHA-256 of the file, as <c>sha256sum</c> prints it.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static string Write(string path, JobSpec spec, IReadOnlyList<ModelTensor> tensors, HostFloats parameters)
    {
        var metadata = spec.Program is { } program
            ? new Dictionary<string, string> { [ProgramKey] = $"{program.Entry} {program.Sha256}" }
            : new Dictionary<string, string> { [SpecKey] = JsonSerializer.Serialize(spec.Model, MachinesJson.Default.ModelSpec) };
        using var writer = SafeTensorsWriter.Create(
            path, tensors.Select(tensor => new SafeTensor(tensor.Name, tensor.Dtype, tensor.Shape)), metadata);
        var byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (var placed in writer.Tensors)
        {
            var tensor = byName[placed.Name];

            // A tensor begins with a whole element of four bytes; its last may be cut.
            var left = tensor.Length * tensor.Dtype.Bytes();
            parameters.Walk(tensor.Offset, (left + sizeof(float) - 1) / sizeof(float), (_, piece) =>
            {
                var bytes = MemoryMarshal.AsBytes(piece);
                bytes = bytes[..(int)Math.Min(bytes.Length, left)];
                writer.AppendBytes(tensor.Name, bytes);
                left -= bytes.Length;
            }, MostAtOnce);
        }

        return writer.Commit();
    }
}
