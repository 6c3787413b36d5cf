using System.Globalization;

namespace Coordinator.Bench;

/// <summary>Options of the form <c>--name value</c>, of which a bench names those that it has.</summary>
internal sealed class BenchOptions
{
    private readonly Dictionary<string, string> _given = [];

    /// <exception cref="FormatException">An option is unknown, without value, or there twice; the message says which.</exception>
    public BenchOptions(string[] args, params string[] known)
    {
        for (int i = 0; i < args.Length; i += 2)
        {
            if (!known.Contains(args[i])) throw new FormatException($"{args[i]} is no option of it");
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            if (!_given.TryAdd(args[i], args[i + 1])) throw new FormatException($"{args[i]} is there twice");
        }
    }

    /// <summary>An option's value; null where it is not given.</summary>
    public string? Text(string name) => _given.GetValueOrDefault(name);

    /// <summary>An option's whole number, from <paramref name="least"/> to <paramref name="most"/>.</summary>
    /// <exception cref="FormatException">It is no such number.</exception>
    public int Number(string name, int otherwise, int least = 1, int most = 1_000_000) =>
        Text(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
        : throw new FormatException($"{name} is a whole number from {least} to {most}, not {text}");
}
