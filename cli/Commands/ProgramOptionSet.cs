using System.CommandLine;
using System.Text.RegularExpressions;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Processes;

namespace Coordinator.Cli.Commands;

/// <summary>What a worker lets others start on its host.</summary>
internal sealed partial class ProgramOptionSet
{
    private readonly Option<bool> allow = new("--allow-programs")
    {
        Description = "Start the programs of 'coordinator run' and 'train --program' here. Whoever may submit jobs may then run what he "
            + "likes on this host, with all that this worker's user may do unless --program-user names another.",
    };
    private readonly Option<string?> user = new("--program-user")
    {
        Description = "User that programs run as, which takes a worker that runs as root (default: this worker's user).",
    };
    private readonly Option<string[]> variables = new("--program-env")
    {
        Description = "A variable of this worker's environment that programs get beside the usual ones; a * at the end stands for any "
            + "rest. Repeatable. None of the coordinator's own is ever given.",
    };

    private readonly Option<string?> mask = new("--program-umask")
    {
        Description = "Mask of what programs make, such as 022 (default: that of whoever starts this worker).",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(allow);
        command.Options.Add(user);
        command.Options.Add(variables);
        command.Options.Add(mask);
        variables.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(token => !VariableName().IsMatch(token.Value)) is { } wrong)
            {
                result.AddError(
                    $"--program-env is '{wrong.Value}'; write the name of a variable, or its beginning and a * behind it, such as NCCL_*.");
            }
        });
        mask.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0
                && (result.Tokens[0].Value is not { Length: 3 or 4 } text || text.Any(digit => digit is < '0' or > '7')))
            {
                result.AddError($"--program-umask is '{result.Tokens[0].Value}'; write three octal digits, such as 022.");
            }
        });
    }

    [GeneratedRegex(@"\A([A-Za-z_][A-Za-z0-9_]*\*?|\*)\z")]
    private static partial Regex VariableName();

    /// <summary>What was chosen.</summary>
    /// <exception cref="CommandException">Programs cannot run as that user.</exception>
    public ProgramPolicy Policy(ParseResult parsed)
    {
        ProgramUser? chosen = null;
        if (parsed.GetValue(user) is { } name)
        {
            chosen = ProgramUser.Find(name, out var problem);
            if (problem is not null)
            {
                throw new CommandException(
                    ExitCodes.Usage,
                    $"Programs cannot run as '{name}': {problem}.",
                    "Name another --program-user, or leave it out: programs then run as this worker's user.");
            }
        }

        return new ProgramPolicy
        {
            Allowed = parsed.GetValue(allow),
            User = chosen,
            MoreVariables = parsed.GetValue(variables) ?? [],
            Mask = parsed.GetValue(mask) ?? UserMask.Users,
        };
    }
}
