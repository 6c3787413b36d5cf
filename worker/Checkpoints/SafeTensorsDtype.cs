namespace Coordinator.Worker.Checkpoints;

/// <summary>
/// Element types of safetensors, in the order of falling alignment in which a file lists its tensors;
/// the names are those that stand in files, but for the three with an underscore.
/// </summary>
public enum SafeTensorsDtype
{
    /// <summary>64-bit IEEE 754.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,

    /// <summary>32-bit IEEE 754.</summary>
    F32,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>16-bit IEEE 754.</summary>
    F16,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>8-bit float, 4 bits of exponent; <c>F8_E4M3</c> in files.</summary>
    F8E4M3,

    /// <summary>8-bit float, 5 bits of exponent; <c>F8_E5M2</c> in files.</summary>
    F8E5M2,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>Byte.</summary>
    U8,

    /// <summary>One byte, 0 or 1; <c>BOOL</c> in files.</summary>
    Bool,
}

/// <summary>Names and sizes of element types.</summary>
public static class SafeTensorsDtypes
{
    /// <summary>Size of one element in bytes, which is also its alignment.</summary>
    public static int Bytes(this SafeTensorsDtype dtype) => dtype switch
    {
        <= SafeTensorsDtype.U64 => 8,
        <= SafeTensorsDtype.U32 => 4,
        <= SafeTensorsDtype.U16 => 2,
        _ => 1,
    };

    /// <summary>Whether it is a float that float32 can stand for: exactly, or rounded to nearest from float64.</summary>
    public static bool IsFloat(this SafeTensorsDtype dtype) =>
        dtype is SafeTensorsDtype.F64 or SafeTensorsDtype.F32 or SafeTensorsDtype.BF16 or SafeTensorsDtype.F16;

    /// <summary>The name in files.</summary>
    public static string FileName(this SafeTensorsDtype dtype) => dtype switch
    {
        SafeTensorsDtype.F8E4M3 => "F8_E4M3",
        SafeTensorsDtype.F8E5M2 => "F8_E5M2",
        SafeTensorsDtype.Bool => "BOOL",
        _ => dtype.ToString(),
    };

    /// <summary>The type with this name in files; false for an unknown one.</summary>
    public static bool TryParse(string name, out SafeTensorsDtype dtype)
    {
        foreach (var candidate in Enum.GetValues<SafeTensorsDtype>())
        {
            if (candidate.FileName() == name)
            {
                dtype = candidate;
                return true;
            }
        }

        dtype = default;
        return false;
    }
}
