namespace Coordinator.Machines;

/// <summary>
/// Labels of nodes, such as <c>rack=r12</c>, by which operators name many nodes at once. Keys and values follow the rules of Kubernetes
/// (metadata.labels), so that what is labelled there can be called the same here.
/// </summary>
public static class NodeLabels
{
    /// <summary>Most labels of a node.</summary>
    public const int Most = 64;

    private const int LongestName = 63;
    private const int LongestPrefix = 253;

    /// <summary>Why a text is no label; null: it is one.</summary>
    public static string? Problem(string text)
    {
        var split = text.IndexOf('=', StringComparison.Ordinal);
        return split < 0 ? "a label is key=value, such as rack=r12" : KeyProblem(text[..split]) ?? ValueProblem(text[(split + 1)..]);
    }

    /// <summary>Why a node cannot have such labels; null: it can.</summary>
    public static string? Problem(IReadOnlyDictionary<string, string> labels) =>
        labels.Count > Most ? $"a node has at most {Most} labels, and this one has {labels.Count}"
            : labels.Select(label => Problem(label)).FirstOrDefault(problem => problem is not null);

    private static string? Problem(KeyValuePair<string, string> label) =>
        label.Value is null ? "a label's value is not null" : KeyProblem(label.Key) ?? ValueProblem(label.Value);

    /// <summary>Reads labels that have no <see cref="Problem(string)"/>, sorted by key; of one key the last counts.</summary>
    public static SortedDictionary<string, string> Parse(IEnumerable<string> texts)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var split = text.IndexOf('=', StringComparison.Ordinal);
            labels[text[..split]] = text[(split + 1)..];
        }

        return labels;
    }

    /// <summary>Whether a node with these labels has all of the wanted ones, each as <c>key=value</c>.</summary>
    public static bool HasAll(IReadOnlyDictionary<string, string>? labels, IEnumerable<string> wanted) => wanted.All(
        text => text.IndexOf('=', StringComparison.Ordinal) is > 0 and var split && labels is not null
            && labels.TryGetValue(text[..split], out var value) && value == text[(split + 1)..]);

    /// <summary>Labels for people, with commas between them.</summary>
    public static string Text(IReadOnlyDictionary<string, string>? labels) =>
        labels is null ? "" : string.Join(
            ',', labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"));

    private static string? KeyProblem(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var name = key[(slash + 1)..];
        if (slash >= 0 && !IsPrefix(key[..slash]))
            return "what stands before the '/' of a label's key is the name of a domain, such as example.com";
        return IsName(name) ? null
            : $"a label's key has 1 to {LongestName} letters, digits, '-', '_' and '.', and begins and ends with a letter or digit";
    }

    private static string? ValueProblem(string value) => value.Length == 0 || IsName(value) ? null
        : $"a label's value has at most {LongestName} letters, digits, '-', '_' and '.', and begins and ends with a letter or digit";

    private static bool IsName(string name) => name.Length is > 0 and <= LongestName
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1]);

    private static bool IsPrefix(string prefix) => prefix.Length is > 0 and <= LongestPrefix && prefix.Split('.').All(
        part => part.Length is > 0 and <= LongestName && part[0] != '-' && part[^1] != '-'
            && part.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-'));
}
