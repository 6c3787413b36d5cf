using System.Globalization;

namespace Coordinator.Mutants;

/// <summary>
/// The table of what came of each mutant, one line each, separated by tabs; written as it grows, so that a run that is ended can go on.
/// </summary>
internal sealed class ResultFile(string path)
{
    private const string Head = "mutant\tfile\tline\toperator\tcaught by\twhere\tcode";

    /// <summary>Numbers of the mutants that the file has an outcome of, with what caught them; empty: nothing.</summary>
    public SortedDictionary<int, string> Read()
    {
        var known = new SortedDictionary<int, string>();
        if (!File.Exists(path))
            return known;
        foreach (var fields in File.ReadLines(path).Skip(1).Select(line => line.Split('\t')))
            known[int.Parse(fields[0], CultureInfo.InvariantCulture)] = fields[4];
        return known;
    }

    /// <summary>
    /// The mutants that nothing caught then, as they are numbered now; the code may have changed since, and what is not there any more is
    /// told.
    /// </summary>
    public static IReadOnlyList<Mutant> Survivors(string path, IReadOnlyList<Mutant> all, Action<string> tell)
    {
        var found = new List<Mutant>();
        foreach (var fields in File.ReadLines(path).Skip(1).Select(line => line.Split('\t')).Where(fields => fields[4].Length == 0))
        {
            var line = int.Parse(fields[2], CultureInfo.InvariantCulture);
            var same = all.Where(mutant => mutant.Path == fields[1]
                && mutant.Operator.ToString() == fields[3]
                && mutant.Before == fields[6]
                && !found.Contains(mutant)).MinBy(mutant => Math.Abs(mutant.Line - line));
            if (same is null)
                tell($"mutant {fields[0]} is not there any more: {fields[1]}:{fields[2]} {fields[6]}");
            else
                found.Add(same);
        }

        return found;
    }

    /// <summary>Adds a line.</summary>
    public void Add(Mutant mutant, Outcome outcome)
    {
        if (!File.Exists(path))
            File.WriteAllText(path, Head + "\n");
        File.AppendAllText(path, string.Create(
            CultureInfo.InvariantCulture,
            $"{mutant.Number}\t{mutant.Path}\t{mutant.Line}\t{mutant.Operator}\t{outcome.By}\t{outcome.Where}\t{mutant.Before}\n"));
    }
}
