namespace Coordinator.Worker.Checkpoints;

/// <summary>What is wrong with a safetensors file.</summary>
public enum SafeTensorsProblem
{
    /// <summary>There is no such file.</summary>
    Missing,

    /// <summary>The operating system refuses to read it.</summary>
    Unreadable,

    /// <summary>The file ends before its header or data does.</summary>
    Truncated,

    /// <summary>The header's length is above 100,000,000 bytes.</summary>
    HeaderTooLarge,

    /// <summary>The header is not the JSON that it should be.</summary>
    BadHeader,

    /// <summary>A name or key stands twice.</summary>
    Duplicate,

    /// <summary>An element type that this reader does not know.</summary>
    UnknownDtype,

    /// <summary>A shape with a negative dimension, or with more elements than fit.</summary>
    BadShape,

    /// <summary>Offsets that are negative or end before they begin.</summary>
    BadOffsets,

    /// <summary>A tensor's range has another size than its shape and type need.</summary>
    SizeMismatch,

    /// <summary>Two tensors share bytes.</summary>
    Overlap,

    /// <summary>Bytes that belong to no tensor.</summary>
    Gap,
}

/// <summary>A safetensors file that cannot be trusted. The message names the file and the value at fault.</summary>
public sealed class SafeTensorsException : Exception
{
    /// <summary>Names file, place and value.</summary>
    public SafeTensorsException(SafeTensorsProblem problem, string message, Exception? cause = null)
        : base(message, cause) => Problem = problem;

    /// <summary>The kind of problem.</summary>
    public SafeTensorsProblem Problem { get; }
}
