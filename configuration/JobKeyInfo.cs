namespace Coordinator.Configuration;

/// <summary>What there is to know of a key of a job file.</summary>
/// <param name="Name">Dotted: section, then key.</param>
/// <param name="Type">What a value is, such as <c>a whole number</c>.</param>
/// <param name="Default">The value without which a job has it, as a job file writes it; empty: none.</param>
/// <param name="Range">What a value must be beyond that; empty: anything of the type.</param>
/// <param name="About">What it decides, with its unit.</param>
public sealed record JobKeyInfo(string Name, string Type, string Default, string Range, string About);
