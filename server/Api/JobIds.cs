using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Coordinator.Machines;

namespace Coordinator.Server.Api;

/// <summary>Ids of jobs: readable, and safe as names of files.</summary>
public static partial class JobIds
{
    /// <summary>What a valid id looks like, for people.</summary>
    public const string Rule = "1 to 64 of a-z, 0-9, '.', '-' and '_', the first a letter or digit";

    /// <summary>Whether a text may be a job's id.</summary>
    public static bool IsValid(string text) => Pattern().IsMatch(text);

    /// <summary>A fresh id from a job's name: what may stay of the name, and six random hexadecimal digits.</summary>
    public static JobId New(string name)
    {
        var stem = string.Concat(name.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-').Take(40))
            .Trim('-');
        return new JobId($"{(stem.Length == 0 ? "job" : stem)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}");
    }

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9._-]{0,63}\z")]
    private static partial Regex Pattern();
}
