using System.Globalization;
using Coordinator.Machines.Jobs;

namespace Coordinator.Machines.Gangs;

/// <summary>What a gang's spec may say.</summary>
public static class GangSpecValidator
{
    private const int MostNodes = 100_000;
    private const int MostPerNode = 1024;
    private const int MostText = 128 << 10;
    private static readonly TimeSpan ShortestLease = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestLease = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>All that is wrong with a spec.</summary>
    public static IReadOnlyList<JobSpecProblem> Validate(GangSpec spec)
    {
        var problems = new List<JobSpecProblem>();
        if (spec.Command.Any(word => word is null) || spec.Environment.Any(pair => pair.Value is null))
        {
            return [new JobSpecProblem(
                "command", "null", "a program and its arguments, with variables that have a value", "give each a text")];
        }
        Refuse(spec.Name.Length is < 1 or > 100 || !PlainText.IsPlain(spec.Name), "name", $"'{PlainText.Line(spec.Name, 60)}'",
            "1 to 100 characters without control characters or unseen ones", "choose another name");
        Refuse(!DeviceClasses.IsName(spec.DeviceClass), "deviceClass", $"'{PlainText.Line(spec.DeviceClass, 60)}'",
            "letters, digits, dots, dashes and underscores", "name one class that 'coordinator devices' shows");
        Refuse(
            spec.Command.Count == 0 || spec.Command[0].Length == 0,
            "command",
            "empty",
            "a program and its arguments",
            "write it behind --");
        Refuse(
            spec.Command.Any(HasNull) || spec.Environment.Any(pair => HasNull(pair.Value)),
            "command",
            "text with a zero character",
            "text that a program can be given",
            "take the character out");
        Refuse(
            spec.Command.Sum(
                word => (long)word.Length) + spec.Environment.Sum(pair => (long)pair.Key.Length + pair.Value.Length) > MostText,
            "command",
            "too long",
            $"at most {MostText} characters with its variables",
            "put it into a script");
        foreach (var name in spec.Environment.Keys.Where(
            name => !IsName(name) || name.StartsWith("COORDINATOR_", StringComparison.Ordinal)))
        {
            problems.Add(new JobSpecProblem(
                "environment",
                $"'{name}'",
                "names of letters, digits and '_' that do not begin with a digit or COORDINATOR_",
                "choose another name for the variable"));
        }
        Number("minNodes", spec.MinNodes, 1, MostNodes);
        Number("maxNodes", spec.MaxNodes, spec.MinNodes, MostNodes);
        Number("gpusPerNode", spec.GpusPerNode, 1, MostPerNode);
        Number("restarts", spec.Restarts, 0, 1_000_000);
        Number("nodeFailures", spec.NodeFailures, 1, 1_000_000);
        Number("priority", spec.Priority, -1000, 1000);
        Time("grace", spec.Grace, TimeSpan.Zero, Longest);
        Time("lease", spec.Lease, ShortestLease, LongestLease);
        Time("alone", spec.Alone, TimeSpan.Zero, Longest);
        Time("progressTime", spec.ProgressTime, TimeSpan.Zero, Longest);
        if (spec.HangTimeout is { } hang)
            Time("hangTimeout", hang, TimeSpan.FromSeconds(1), Longest);
        Refuse(
            spec.WorkFolder.Length > 0 && !spec.WorkFolder.StartsWith('/'),
            "workFolder",
            $"'{spec.WorkFolder}'",
            "a full path, the same on every node",
            "begin it with a slash");
        Refuse(
            spec.WorkFolder.Length > 0 && spec.Bundle is not null,
            "workFolder",
            $"'{spec.WorkFolder}'",
            "left out where a bundle is brought",
            "give one of the two");
        Refuse(
            spec.Bundle is { } bundle && (bundle.Sha256.Length != 64 || !bundle.Sha256.All(char.IsAsciiHexDigitLower) || bundle.Bytes < 0),
            "bundle.sha256",
            $"'{spec.Bundle?.Sha256}'",
            "64 hexadecimal digits in lower case",
            "submit it with 'coordinator run --bundle'");
        return problems;

        void Refuse(bool isWrong, string field, string value, string rule, string remedy)
        {
            if (isWrong)
                problems.Add(new JobSpecProblem(field, value, rule, remedy));
        }

        void Number(string field, int value, int least, int most) =>
            Refuse(
                value < least || value > most,
                field,
                value.ToString(CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"from {least} to {most}"),
                "choose another number");

        void Time(string field, TimeSpan value, TimeSpan least, TimeSpan most) =>
            Refuse(
                value < least || value > most,
                field,
                string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.###} s"),
                string.Create(CultureInfo.InvariantCulture, $"from {least.TotalSeconds:0.###} s to {most.TotalSeconds:0} s"),
                "choose another duration");
    }

    private static bool HasNull(string text) => text.Contains('\0', StringComparison.Ordinal);

    private static bool IsName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
}
