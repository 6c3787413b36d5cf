using Coordinator.Cli.Output;

namespace Coordinator.Cli.Commands;

/// <summary>
/// Options of the form <c>--section.key=value</c> or <c>--section.key value</c> that no command declares: they override the job
/// file's keys. Anything else that is left over on the command line is a mistake.
/// </summary>
public static class DottedOverrides
{
    /// <summary>Reads what the parser could not place.</summary>
    /// <exception cref="CommandException">Something is neither an override nor the value of one.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Parse(IReadOnlyList<string> unmatched)
    {
        var overrides = new List<KeyValuePair<string, string>>();
        for (var index = 0; index < unmatched.Count; index++)
        {
            var token = unmatched[index];
            var equals = token.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? token : token[..equals];
            if (!name.StartsWith("--", StringComparison.Ordinal) || !name.Contains('.', StringComparison.Ordinal))
            {
                throw new CommandException(
                    ExitCodes.Usage,
                    $"'{token}' is no option or argument of this command.",
                    "See --help; keys of the job file are written --section.key=value, such as --model.layers=4.");
            }

            if (equals >= 0)
            {
                overrides.Add(new(name[2..], token[(equals + 1)..]));
            }
            else if (index + 1 < unmatched.Count && !unmatched[index + 1].StartsWith("--", StringComparison.Ordinal))
            {
                overrides.Add(new(name[2..], unmatched[++index]));
            }
            else
            {
                throw new CommandException(ExitCodes.Usage, $"'{name}' has no value.", $"Write {name}=value.");
            }
        }

        return overrides;
    }
}
