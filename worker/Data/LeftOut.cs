namespace Coordinator.Worker.Data;

/// <summary>Something in a folder that is not trained on.</summary>
/// <param name="RelativePath">Path below the folder, with forward slashes.</param>
/// <param name="Why">Why not, to be read after "is": <c>empty</c>, <c>a JPEG image</c>.</param>
public sealed record LeftOut(string RelativePath, string Why);
