namespace Coordinator.Configuration;

/// <summary>What a file of settings is called, and what it may hold.</summary>
/// <param name="Subject">What it describes, such as a <c>job</c>.</param>
/// <param name="SectionProblem">What is wrong with a section of this name, and what there is; null: nothing.</param>
/// <param name="KeyProblem">The same of a dotted key.</param>
internal sealed record SettingsForm(string Subject, Func<string, string?> SectionProblem, Func<string, string?> KeyProblem)
{
    /// <summary>A job.</summary>
    public static SettingsForm Job { get; } = new(
        "job",
        section => JobKeys.Sections.Contains(section) ? null : KeySuggestion.UnknownSection(section),
        key => JobKeys.IsKnown(key) ? null : KeySuggestion.UnknownKey(key));

    /// <summary>Such as <c>job file</c>.</summary>
    public string Noun => $"{Subject} file";
}
