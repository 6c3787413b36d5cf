namespace Coordinator.Disk;

/// <summary>What the first bytes of a file say that it is.</summary>
/// <param name="Name">With its article, such as <c>a PNG image</c>; to be read after "is".</param>
/// <param name="Remedy">What to do where text or tokens were expected, as a request.</param>
/// <param name="HoldsData">Whether it likely holds the very text or tokens that somebody wants to train on, only not as they can be read:
/// leaving it out would train on less than was meant.</param>
public sealed record FileFormat(string Name, string Remedy, bool HoldsData = false)
{
    /// <summary>Whether it is a model file of the kind that this project reads and writes.</summary>
    public bool IsModel { get; init; }
}
