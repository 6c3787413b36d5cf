using Coordinator.Machines.Jobs;

namespace Coordinator.Configuration;

/// <summary>Says what is allowed where an unknown key was given, and which of it was probably meant.</summary>
public static class KeySuggestion
{
    // Longer keys are no slips of the fingers, and comparing them would take for ever.
    private const int LongestCompared = 64;

    // Of a word, no more than a third may be wrong: "foo" is no slip for "job".
    private const int MostEdits = 3;
    private const int LettersForEachEdit = 3;

    // What the same thing is called in torchtitan and nanoGPT.
    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal)
    {
        ["debug.seed"] = "training.seed",
        ["lr_scheduler.min_lr_factor"] = "lr_scheduler.min_learning_rate",
        ["model.dim"] = "model.channels",
        ["model.n_embd"] = "model.channels",
        ["model.n_head"] = "model.heads",
        ["model.n_heads"] = "model.heads",
        ["model.n_layer"] = "model.layers",
        ["model.n_layers"] = "model.layers",
        ["model.name"] = "model.program",
        ["model.vocab_size"] = "model.vocab",
        ["optimizer.eps"] = "optimizer.epsilon",
        ["optimizer.lr"] = "optimizer.learning_rate",
        ["training.global_batch_size"] = "training.batch_size",
        ["training.local_batch_size"] = "training.micro_batch",
        ["training.max_norm"] = "optimizer.gradient_clip",
        ["training.seq_len"] = "model.block",
    };

    /// <summary>Message for an unknown dotted key.</summary>
    public static string UnknownKey(string key)
    {
        var section = key.Contains('.', StringComparison.Ordinal) ? key[..key.IndexOf('.', StringComparison.Ordinal)] : "";
        if (section == JobKeys.Settings)
        {
            return $"{YamlText.Shown(key)} can be no setting of a program; its name is a letter, and then letters, digits, - and _, "
                + $"{JobSettings.LongestName} at most";
        }

        var inSection = JobKeys.Names.Where(name => name.StartsWith(section + ".", StringComparison.Ordinal)).ToArray();
        return inSection.Length > 0
            ? $"{YamlText.Shown(key)} is no known key; {DidYouMean(NearestKey(key))}{section} has "
                + $"{string.Join(", ", inSection.Select(LastName))}"
            : $"{YamlText.Shown(key)} is no known key; {DidYouMean(NearestKey(key))}the sections are {string.Join(", ", JobKeys.Sections)}";
    }

    /// <summary>Message for an unknown section of a file.</summary>
    public static string UnknownSection(string section) => Unknown("section", section, JobKeys.Sections, "the sections are");

    /// <summary>Message for something that is none of the names it may be.</summary>
    public static string Unknown(string what, string given, IReadOnlyCollection<string> known, string area) =>
        $"{(string.IsNullOrWhiteSpace(given) ? "''" : YamlText.Shown(given))} is no known {what}; "
            + $"{DidYouMean(Nearest(given, known))}{area} {string.Join(", ", known)}";

    private static string DidYouMean(string? suggestion) => suggestion is null ? "" : $"did you mean {suggestion}? ";

    private static string? NearestKey(string key) =>
        OtherNames.GetValueOrDefault(key)
        ?? JobKeys.Names.FirstOrDefault(name => LastName(name) == LastName(key))
        ?? Nearest(key, JobKeys.Names);

    private static string LastName(string key) => key[(key.LastIndexOf('.') + 1)..];

    /// <summary>The name that was probably meant, for one that is none of those that there are; null: none is near.</summary>
    public static string? Nearest(string given, IEnumerable<string> known) =>
        given.Length > LongestCompared
            ? null
            : known.Select(name => (Name: name, Edits: EditDistance(given, name)))
                .Where(candidate => candidate.Edits <= Math.Min(MostEdits, given.Length / LettersForEachEdit))
                .OrderBy(candidate => candidate.Edits)
                .Select(candidate => candidate.Name)
                .FirstOrDefault();

    // Levenshtein's distance, one row at a time: insertions, deletions and replacements that turn one text into the other.
    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
