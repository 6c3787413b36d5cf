using System.Text;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Programs;

namespace Coordinator.Configuration;

/// <summary>A job as its submitter described it.</summary>
/// <param name="Spec">The valid spec.</param>
/// <param name="DataPath">
/// Training data still to be frozen; null where none was named. From a file it is relative to that file's folder and
/// made a full path; from the command line it stands as given.
/// </param>
/// <param name="InitialPath">File of the weights to start from, still to be frozen; null where none was named. As for the data.</param>
/// <param name="ProgramPath">Script of a program of one's own, still to be frozen; null where none was named. As for the data.</param>
public sealed record LoadedJob(JobSpec Spec, string? DataPath, string? InitialPath = null, string? ProgramPath = null);

/// <summary>
/// Job files: YAML with sections of keys, all of them optional. The command line goes over the file, the file over the defaults
/// of <see cref="JobSpec"/>.
/// </summary>
public static class JobFile
{
    /// <summary>As <see cref="LoadJob"/>, for callers that take their data from elsewhere.</summary>
    /// <exception cref="ConfigurationException">As there.</exception>
    public static JobSpec Load(string? path, IEnumerable<string> overrides) => LoadJob(path, overrides).Spec;

    /// <summary>Reads a job file and overrides, and validates what they make.</summary>
    /// <param name="path">The job file; null for the defaults.</param>
    /// <param name="overrides">Such as <c>--training.steps=200</c>; of several for one key the last counts.</param>
    /// <param name="typed">For keys that were given by an option of another name, that name: messages use it; null: there are none.</param>
    /// <exception cref="ConfigurationException">
    /// Unreadable file, no YAML, unknown, repeated or ill-typed key, or values with which no job can run: the first with its place,
    /// and of impossible values all, one a line.
    /// </exception>
    public static LoadedJob LoadJob(string? path, IEnumerable<string> overrides, IReadOnlyDictionary<string, string>? typed = null)
    {
        var onTop = OverrideSettings.Read(overrides);
        if (path is null)
            return Apply(onTop, typed: typed);
        var content = YamlSettings.ReadContent(path, SettingsForm.Job);
        return JobDocument.Read(path, content) is { } submitted
            ? Apply(onTop, submitted, typed)
            : Apply([.. YamlSettings.Read(path, content).Select(setting => Anchor(setting, path)), .. onTop], typed: typed);
    }

    /// <summary>Reads a job that <see cref="Write"/> wrote.</summary>
    /// <param name="file">Names it in errors.</param>
    /// <param name="text">The job.</param>
    /// <exception cref="ConfigurationException">It is none.</exception>
    public static JobSpec Read(string file, string text) => Apply(YamlSettings.Read(file, Encoding.UTF8.GetBytes(text))).Spec;

    /// <summary>
    /// The effective job file, every key with its value: loading it gives the same spec again, but for the secret, which is never shown.
    /// </summary>
    public static string Write(JobSpec spec)
    {
        var text = new StringBuilder();
        foreach (var section in JobKeys.Of(spec).GroupBy(key => key.Section).Where(section => section.Key != "data"
            || spec.Data.Sha256.Length > 0))
        {
            text.Append(section.Key).Append(":\n");
            foreach (var key in section)
                text.Append("  ").Append(key.LastName).Append(": ").Append(key.Get(spec)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Applies settings, one after the other.</summary>
    /// <param name="settings">The settings; of several for one key the last counts.</param>
    /// <param name="from">The job that they change; null: that of the defaults.</param>
    /// <param name="typed">As for <see cref="LoadJob"/>.</param>
    internal static LoadedJob Apply(
        IReadOnlyList<Setting> settings, JobSpec? from = null, IReadOnlyDictionary<string, string>? typed = null)
    {
        var spec = from ?? new JobSpec();
        string? dataPath = null;
        string? initialPath = null;
        string? programPath = null;
        var given = new Dictionary<string, Setting>(StringComparer.Ordinal);
        foreach (var setting in settings)
        {
            given[setting.Key] = setting;
            if (setting.Key == JobKeys.DataPath)
            {
                dataPath = setting.Value;
                continue;
            }

            if (setting.Key == JobKeys.InitialPath)
            {
                initialPath = setting.Value;
                continue;
            }

            if (setting.Key == JobKeys.ProgramPath)
            {
                programPath = setting.Value;
                continue;
            }

            var key = JobKeys.Find(setting.Key) ?? throw new ConfigurationException(
                KeySuggestion.UnknownKey(setting.Key), setting.KeyLocation);
            spec = key.Set(spec, setting.Value)
                ?? throw new ConfigurationException(
                    $"{key.Name} is '{YamlText.Shown(setting.Value)}' but must be {key.Rule}", setting.ValueLocation);
        }

        if (dataPath is not null && spec.Data.Sha256.Length > 0)
        {
            throw new ConfigurationException(
                "data.path names data to freeze and data.sha256 data already frozen; delete one of the two",
                given[JobKeys.DataPath].KeyLocation);
        }

        if (initialPath is not null && spec.Initial is not null)
        {
            throw new ConfigurationException(
                "checkpoint.initial_load_path names weights to freeze and checkpoint.initial_load_sha256 weights already frozen; delete "
                    + "one of the two", given[JobKeys.InitialPath].KeyLocation);
        }

        if (programPath is not null)
        {
            if (spec.Program is { Sha256.Length: > 0 })
            {
                throw new ConfigurationException(
                    "program.path names a program to freeze and program.sha256 one already frozen; delete one of the two",
                    given[JobKeys.ProgramPath].KeyLocation);
            }

            var kind = given.ContainsKey("model.program") ? spec.Model.Program : ProgramKinds.OfEntry(programPath).Name;
            var entry = Path.GetFileName(Path.TrimEndingDirectorySeparator(programPath));
            var program = (spec.Program ?? new ProgramSpec()) with { Entry = entry };
            spec = spec with { Model = spec.Model with { Program = kind }, Program = program };
        }

        RefuseProblems(JobSpecValidator.Validate(spec), given, typed);
        return new LoadedJob(spec, dataPath, initialPath, programPath);
    }

    private static void RefuseProblems(
        IReadOnlyList<JobSpecProblem> problems, Dictionary<string, Setting> given, IReadOnlyDictionary<string, string>? typed)
    {
        if (problems.Count == 0)
            return;

        var places = problems.Select(problem => given.GetValueOrDefault(problem.Field)?.ValueLocation ?? default).ToArray();
        var others = problems.Zip(places).Skip(1).Select(other => $"\n{other.Second.Prefix}{Named(other.First)}");
        throw new ConfigurationException(Named(problems[0]) + string.Concat(others), places[0]);

        // Whoever typed --workers has never heard of job.ranks.
        string Named(JobSpecProblem problem) =>
            (typed ?? new Dictionary<string, string>())
                .Aggregate(problem.ToString(), (text, name) => text.Replace(name.Key, name.Value, StringComparison.Ordinal));
    }

    private static Setting Anchor(Setting setting, string file)
    {
        if (setting.Key is not (JobKeys.DataPath or JobKeys.InitialPath or JobKeys.ProgramPath))
            return setting;

        return setting.Value.Length > 0 && !setting.Value.Contains('\0')
            ? setting with { Value = Path.GetFullPath(setting.Value, Path.GetDirectoryName(Path.GetFullPath(file))!) }
            : throw new ConfigurationException(
                $"{setting.Key} is '{YamlText.Shown(setting.Value)}' but must be a path", setting.ValueLocation);
    }
}
