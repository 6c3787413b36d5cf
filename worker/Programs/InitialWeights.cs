using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Programs;

/// <summary>
/// The weights that a job starts from, where it starts from another job's: a safetensors file with exactly the tensors of the job's own
/// model, by name, shape and type. Optimizer state is not among them and begins at zero, as from the seed.
/// </summary>
public static class InitialWeights
{
    private const int PieceElements = 1 << 18;

    /// <summary>Why a file's tensors cannot be a model's parameters, naming the first that is wrong; null where they can.</summary>
    public static string? WhyUnfit(SafeTensorsFile file, ParameterLayout layout)
    {
        foreach (var tensor in layout.Tensors)
        {
            if (!file.TryFind(tensor.Name, out var stored))
                return $"it lacks the tensor '{tensor.Name}' of shape {Shape(tensor.Shape.Select(axis => (long)axis))}";
            if (stored.Dtype != SafeTensorsDtype.F32)
                return $"its tensor '{tensor.Name}' holds {stored.Dtype.FileName()}, and parameters are F32";
            if (!stored.Shape.SequenceEqual(tensor.Shape.Select(axis => (long)axis)))
                return $"its tensor '{tensor.Name}' has the shape {Shape(stored.Shape)}, and the job's model has {Shape(tensor.Shape.Select(axis => (long)axis))}";
        }

        var known = layout.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        return file.Tensors.FirstOrDefault(tensor => !known.Contains(tensor.Name)) is { } stray ? $"it has a tensor '{stray.Name}', which the job's model has not" : null;
    }

    /// <summary>Writes the parameters of <see cref="WhyUnfit">fitting</see> weights into a device's state, and leaves the rest of it as it is.</summary>
    /// <exception cref="SafeTensorsException">The file cannot be read.</exception>
    public static void Write(SafeTensorsFile file, ParameterLayout layout, IRankDevice device)
    {
        var piece = new float[PieceElements];
        foreach (var tensor in layout.Tensors)
        {
            for (var at = 0; at < tensor.Length; at += PieceElements)
            {
                var part = piece.AsSpan(0, Math.Min(PieceElements, tensor.Length - at));
                file.Read(tensor.Name, part, at);
                device.WriteState(tensor.Offset + at, part);
            }
        }
    }

    private static string Shape(IEnumerable<long> axes) => $"[{string.Join(", ", axes)}]";
}
