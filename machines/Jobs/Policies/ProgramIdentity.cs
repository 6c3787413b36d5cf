namespace Coordinator.Machines.Jobs.Policies;

/// <summary>
/// How two programs that should be one differ, for people: words with spaces between them, of which the first that differs is named. A pure
/// function.
/// </summary>
public static class ProgramIdentity
{
    private const int MostWords = 300;
    private const string Start = "state0=";

    /// <summary>Why a rank's program is not the job's.</summary>
    /// <param name="own">What the rank says.</param>
    /// <param name="jobs">What the job's ranks say.</param>
    /// <param name="ownStart">What the rank began with, entry by entry (<see cref="RankState.InitialState"/>); none: it has not
    /// said.</param>
    /// <param name="jobsStart">The same of a rank of the job.</param>
    public static string Explain(string own, string jobs, IReadOnlyList<string>? ownStart = null, IReadOnlyList<string>? jobsStart = null)
    {
        if (own.Length == 0)
            return "its worker does not say what its program is made up of; start a worker of this version";
        var (mine, theirs) = (own.Split(' '), jobs.Split(' '));
        var at = Enumerable.Range(0, Math.Max(mine.Length, theirs.Length)).First(
            i => mine.ElementAtOrDefault(i) != theirs.ElementAtOrDefault(i));
        var (word, wanted) = (mine.ElementAtOrDefault(at) ?? "nothing", theirs.ElementAtOrDefault(at) ?? "nothing");
        var what = wanted.Split('=')[0] switch
        {
            "schema" => "its state consists of other tensors or numbers than that of the job's ranks",
            "state0" => "it begins with another state than the job's ranks: the script draws something that is not seeded, or loads other "
                + "weights here",
            "probe" => "it computes another gradient from the same state and samples than the job's ranks",
            _ => "it computes with other libraries, instructions, threads or hardware than the job's ranks",
        };
        var where = wanted.StartsWith(Start, StringComparison.Ordinal) && FirstDifference(ownStart ?? [], jobsStart ?? []) is { } tensor
            ? $"; the first tensor that differs is {Short(tensor)}" : "";
        return $"{what}{where} ({Short(word)}, where the job has {Short(wanted)})";
    }

    /// <summary>Whether a rank differs by nothing but what it began with, and what follows from it.</summary>
    public static bool DiffersAtTheStart(string own, string jobs)
    {
        var (mine, theirs) = (own.Split(' '), jobs.Split(' '));
        return mine.Length == theirs.Length
            && mine.Zip(theirs).FirstOrDefault(pair => pair.First != pair.Second) is { Second: { } wanted }
            && wanted.StartsWith(Start, StringComparison.Ordinal);
    }

    private static string? FirstDifference(IReadOnlyList<string> own, IReadOnlyList<string> jobs) =>
        own.Zip(jobs).FirstOrDefault(pair => pair.First != pair.Second) is { First: { } entry }
            ? entry[(entry.IndexOf(' ', StringComparison.Ordinal) + 1)..] : null;

    private static string Short(string word) => word.Length > MostWords ? word[..MostWords] : word;
}
