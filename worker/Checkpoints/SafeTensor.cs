namespace Coordinator.Worker.Checkpoints;

/// <summary>A tensor to be written, or found in a file.</summary>
/// <param name="Name">Not empty and not <c>__metadata__</c>.</param>
/// <param name="Dtype">Element type.</param>
/// <param name="Shape">Dimensions, C order; none for a scalar.</param>
public sealed record SafeTensor(string Name, SafeTensorsDtype Dtype, IReadOnlyList<long> Shape)
{
    /// <summary>First byte, counted from the start of the file's data; set by whoever laid the file out.</summary>
    public long Begin { get; init; }

    /// <summary>Byte behind the last.</summary>
    public long End { get; init; }

    /// <summary>Size of the range in bytes.</summary>
    public long Bytes => End - Begin;

    /// <summary>Size that shape and type need, in bytes; null where a dimension is negative or the size exceeds 63 bits.</summary>
    internal long? NeededBytes
    {
        get
        {
            // All dimensions are looked at before the product: [0, -1] is as wrong as [-1].
            if (Shape.Any(dimension => dimension < 0))
                return null;

            if (Shape.Contains(0))
                return 0;

            var bytes = (UInt128)Dtype.Bytes();
            foreach (var dimension in Shape)
            {
                bytes *= (UInt128)dimension;
                if (bytes > long.MaxValue)
                    return null;
            }

            return (long)bytes;
        }
    }

    /// <summary>Shape as it stands in messages, such as <c>[2,3]</c>.</summary>
    internal string ShapeText => $"[{string.Join(',', Shape)}]";
}
