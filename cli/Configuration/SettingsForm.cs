namespace Coordinator.Cli.Configuration;

/// <summary>What a file of settings is called, and what it may hold.</summary>
/// <param name="Noun">Such as <c>job file</c>.</param>
/// <param name="SectionProblem">What is wrong with a section of this name, and what there is; null: nothing.</param>
/// <param name="KeyProblem">The same of a dotted key.</param>
internal sealed record SettingsForm(string Noun, Func<string, string?> SectionProblem, Func<string, string?> KeyProblem)
{
    /// <summary>A job.</summary>
    public static SettingsForm Job { get; } = new(
        "job file",
        section => JobKeys.Sections.Contains(section) ? null : KeySuggestion.UnknownSection(section),
        key => JobKeys.Names.Contains(key) ? null : KeySuggestion.UnknownKey(key));
}
