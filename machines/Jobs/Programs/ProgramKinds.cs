namespace Coordinator.Machines.Jobs.Programs;

/// <summary>The kinds of programs that jobs can name.</summary>
public static class ProgramKinds
{
    /// <summary>All of them, in the order in which they are offered to people.</summary>
    public static readonly IReadOnlyList<ProgramKind> All = [new GptKind(), new LinearKind(), new DotnetKind(), new ProcessKind()];

    /// <summary>Their names, for people: <c>gpt or linear</c>.</summary>
    public static string Names { get; } = All.Count == 1
        ? All[0].Name
        : $"{string.Join(", ", All.SkipLast(1).Select(kind => kind.Name))} or {All[^1].Name}";

    /// <summary>The kind of that name; null where there is none.</summary>
    public static ProgramKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);

    /// <summary>The kind of a job's program; null where its spec names none that there is.</summary>
    public static ProgramKind? Of(JobSpec spec) => Find(spec.Model.Program);

    /// <summary>The kind of a team's own program, by the name of its file.</summary>
    public static ProgramKind OfEntry(string entry) => All.First(kind => kind.Takes(entry));
}
