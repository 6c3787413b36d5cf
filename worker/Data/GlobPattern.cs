using System.IO.Enumeration;

namespace Coordinator.Worker.Data;

/// <summary>
/// A path pattern: <c>*</c> and <c>?</c> stand for characters inside one name, <c>**</c> alone for any number of folders,
/// also none. Upper and lower case differ on every system, so that a pattern finds the same files everywhere.
/// </summary>
internal sealed class GlobPattern
{
    private readonly string[] segments;

    /// <param name="fullPattern">Full path with wildcards.</param>
    public GlobPattern(string fullPattern)
    {
        var segments = fullPattern.Replace(Path.DirectorySeparatorChar, '/').Split('/');
        var plain = Array.FindIndex(segments, segment => segment.AsSpan().ContainsAny('*', '?'));
        Root = plain <= 1 ? segments[0] + "/" : string.Join('/', segments[..plain]);
        this.segments = segments[plain..];
    }

    /// <summary>The folder above the first wildcard.</summary>
    public string Root { get; }

    /// <param name="relativePath">Path below <see cref="Root"/>, with forward slashes.</param>
    public bool Matches(string relativePath) => Matches(segments, relativePath.Split('/'));

    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> names)
    {
        while (pattern.Length > 0 && pattern[0] != "**")
        {
            if (names.Length == 0 || !FileSystemName.MatchesSimpleExpression(pattern[0], names[0], ignoreCase: false))
                return false;

            pattern = pattern[1..];
            names = names[1..];
        }

        if (pattern.Length == 0)
            return names.Length == 0;

        for (var skipped = 0; skipped <= names.Length; skipped++)
        {
            if (Matches(pattern[1..], names[skipped..]))
                return true;
        }

        return false;
    }
}
