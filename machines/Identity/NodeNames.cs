namespace Coordinator.Machines;

/// <summary>
/// What a node may be called. A name stands in logs, addresses, file names and paths of the API, so it has none of the letters that mean
/// something there; worker and silo hold it to the same rule, the worker before it connects.
/// </summary>
public static class NodeNames
{
    /// <summary>Longest name, as for names of hosts (RFC 1035).</summary>
    public const int MaxLength = 253;

    /// <summary>Why no node can have the name; null: one can.</summary>
    public static string? Problem(string name)
    {
        if (name.Length == 0)
            return "a node's name is not empty";
        if (name.Length > MaxLength)
            return $"a node's name has at most {MaxLength} characters, and this one has {name.Length}";
        if (name.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('.' or '-' or '_' or ':')))
            return "a node's name has letters, digits, '.', '-', '_' and ':' only";
        return name.All(letter => letter == '.') ? "a node's name is not of dots alone" : null;
    }
}
