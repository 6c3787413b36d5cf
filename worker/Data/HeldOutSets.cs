namespace Coordinator.Worker.Data;

/// <summary>
/// A set that is held out says something of a model only where the model has not seen it. Where a folder has a training set and a
/// held-out one side by
/// side, told by their names (<c>fineweb_train_000001.bin</c> beside <c>fineweb_val_000000.bin</c>, <c>train/</c> beside <c>test/</c>),
/// whoever named
/// the folder is asked to choose.
/// </summary>
internal static class HeldOutSets
{
    private static readonly string[] HeldOut = ["val", "valid", "validation", "test", "dev", "eval", "holdout"];

    /// <exception cref="DataException"><see cref="DataProblem.MixedSets"/>.</exception>
    public static void Refuse(DataSource source)
    {
        var sets = new Dictionary<string, (DataFile? Train, DataFile? HeldOut)>(StringComparer.Ordinal);
        foreach (var file in source.Files)
        {
            if (SetOf(file.RelativePath) is not { } set)
                continue;
            var (train, held) = sets.GetValueOrDefault(set.Family);
            sets[set.Family] = (train, held) = set.IsTrain ? (train ?? file, held) : (train, held ?? file);
            if (train is not null && held is not null)
            {
                throw new DataException(
                    DataProblem.MixedSets,
                    $"{source.Name} holds a training set ({train.RelativePath}) and one that is held out ({held.RelativePath}), and "
                        + $"would be trained on whole: "
                    + $"choose with a glob in --data, such as '{Path.Combine(source.Name, GlobOf(train.RelativePath))}'; one that "
                    + $"matches both takes both");
            }
        }
    }

    /// <summary>Which files belong together but for the set that they are of: the path as far as it names one, without numbers.</summary>
    private static (string Family, bool IsTrain)? SetOf(string path)
    {
        var end = 0;
        foreach (var segment in path.Split('/'))
        {
            end += segment.Length;
            var at = end - segment.Length;
            foreach (var word in segment.Split('_', '-', '.'))
            {
                var isTrain = word is "train" or "training";
                if (isTrain || HeldOut.Contains(word, StringComparer.Ordinal))
                    return (WithoutNumbers(path[..at] + "\0" + path[(at + word.Length)..end]), isTrain);
                at += word.Length + 1;
            }

            end++;
        }

        return null;
    }

    private static string WithoutNumbers(string path) => string.Concat(path.Where(letter => !char.IsAsciiDigit(letter)));

    private static string GlobOf(string path)
    {
        var segments = path.Split('/');
        var of = Array.FindIndex(segments, segment => segment.Split('_', '-', '.').Any(word => word is "train" or "training"));
        var word = segments[of].Contains("training", StringComparison.Ordinal) ? "training" : "train";
        return of < segments.Length - 1
            ? $"{string.Join('/', segments[..(of + 1)])}/**"
            : $"{string.Join('/', segments[..of].Append($"*{word}*{Path.GetExtension(path)}"))}";
    }
}
