using System.CommandLine;
using System.Globalization;
using Coordinator.Cli.Commands;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Worker.Data;

namespace Coordinator.Bench;

/// <summary>
/// A bench: its options are declared and read by the library that the coordinator's own command line uses, Ctrl-C ends its processes, and
/// what fails is told in a line.
/// </summary>
internal sealed class BenchCommand(string name, string about) : Command(name, about)
{
    /// <summary>The command as it was given, for the head of a report.</summary>
    public static string Text(ParseResult parsed) => $"bench {string.Join(' ', parsed.Tokens.Select(token => token.Value))}";

    /// <summary>Declares a whole number.</summary>
    public Option<int> AddNumber(string option, string description, int otherwise, int least = 1, int most = 1_000_000)
    {
        var added = Add(new Option<int>(option) { Description = description, DefaultValueFactory = _ => otherwise });
        Checks.InRange(added, least, most);
        return added;
    }

    /// <summary>Declares a whole number whose default depends on others.</summary>
    public Option<int?> AddOptionalNumber(string option, string description, int least = 1, int most = 1_000_000)
    {
        var added = Add(new Option<int?>(option) { Description = description });
        added.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int?>() is { } value && (value < least || value > most))
                result.AddError($"{option} is {value}; choose {least} to {most}.");
        });
        return added;
    }

    /// <summary>Declares whole numbers with commas between them.</summary>
    public Option<int[]> AddNumbers(
        string option, string description, int[] otherwise, int least, int most) => Add(new Option<int[]>(option)
        {
            Description = description,
            DefaultValueFactory = _ => otherwise,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result =>
            {
                var given = result.Tokens[0].Value;
                int[] numbers = [.. given.Split(',').Select(
                text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1)];
                if (numbers.All(number => number >= least && number <= most))
                    return numbers;
                result.AddError($"{option} has whole numbers from {least} to {most} with commas between them, not {given}.");
                return [];
            },
        });

    /// <summary>Declares one of several words, of which the first is the default.</summary>
    public Option<string> AddChoice(string option, string description, params string[] words)
    {
        var added = Add(new Option<string>(option) { Description = description, DefaultValueFactory = _ => words[0] });
        added.AcceptOnlyFromAmong(words);
        return added;
    }

    /// <summary>Declares a text.</summary>
    public Option<string?> AddText(string option, string description) => Add(new Option<string?>(option) { Description = description });

    /// <summary>Declares what is or is not.</summary>
    public Option<bool> AddFlag(string option, string description) => Add(new Option<bool>(option) { Description = description });

    /// <summary>Says what is run, once all options are declared.</summary>
    /// <param name="read">
    /// What the options ask for, to be run until it is cancelled; true where all that it checks holds. Throws <see cref="FormatException"/>
    /// where options do not go together.
    /// </param>
    /// <returns>This command; its exit code is 0, 1 where a check or the run failed, 2 for wrong options, 130 after Ctrl-C.</returns>
    public BenchCommand Runs(Func<ParseResult, Func<CancellationToken, Task<bool>>> read)
    {
        SetAction((parsed, _) => RunAsync(parsed, read));
        return this;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Func<ParseResult, Func<CancellationToken, Task<bool>>> read)
    {
        Func<CancellationToken, Task<bool>> run;
        try
        {
            run = read(parsed);
        }
        catch (Exception wrong) when (wrong is FormatException or IOException or UnauthorizedAccessException)
        {
            return CommandLine.Complain(ExitCodes.Usage, wrong.Message, $"See 'bench {parsed.CommandResult.Command.Name} --help'.");
        }

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        try
        {
            return await run(stop.Token) ? ExitCodes.Success : ExitCodes.RunFailed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.Error.WriteLine("stopped; all processes of the bench have ended");
            return ExitCodes.Interrupted;
        }
        catch (CommandException wrong)
        {
            return CommandLine.Complain(wrong.ExitCode, wrong.Message, wrong.Remedy);
        }
        catch (Exception failed) when (failed is ClusterException or CoordinatorApiException or DataException or RecoveryFailedException)
        {
            return CommandLine.Complain(ExitCodes.RunFailed, failed.Message);
        }
    }

    private T Add<T>(T option)
        where T : Option
    {
        Options.Add(option);
        return option;
    }
}
