namespace Coordinator.Machines;

/// <summary>
/// Names of device classes: words with dashes between them, such as <c>cpu-x64-k1</c>, from the general to the particular. What decides
/// bits is the whole name; who wishes for a class may give its beginning.
/// </summary>
public static class DeviceClasses
{
    /// <summary>Longest name of a class.</summary>
    public const int MaxLength = 200;

    /// <summary>Whether a text can be a class, or the first words of one; the empty one can.</summary>
    public static bool IsName(string text) =>
        text.Length <= MaxLength && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_');

    /// <summary>
    /// Whether a class is the wanted one, or one of those that begin with the wanted words. Nothing wanted: every class is.
    /// </summary>
    public static bool Matches(string? wanted, string deviceClass) =>
        string.IsNullOrEmpty(wanted)
        || (deviceClass.StartsWith(wanted, StringComparison.Ordinal)
            && (deviceClass.Length == wanted.Length || deviceClass[wanted.Length] == '-'));
}
