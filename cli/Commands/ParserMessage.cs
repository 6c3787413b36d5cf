using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Coordinator.Configuration;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary>
/// What is wrong with a command line, in one sentence that names what was typed and says what to type. Our own rules say such sentences
/// themselves; the parser's are put into ours here, since they name types, come in several lines, repeat what was typed as it is, and say
/// no remedy.
/// </summary>
internal static partial class ParserMessage
{
    private const int MostShown = 60;

    /// <summary>
    /// The sentence for the first thing that is wrong. A word that has no place here comes before what is missing: it is likely to be what
    /// is missing, mistyped.
    /// </summary>
    public static string Of(ParseResult parsed) => parsed.Errors.OrderBy(Rank).Select(error => Of(error, parsed.CommandResult)).First();

    /// <summary>The sentence for one thing that is wrong.</summary>
    public static string Of(ParseError error, CommandResult typed)
    {
        var command = $"'{NameOf(typed)}'";
        if (Unrecognized().Match(error.Message) is { Success: true } unknown)
            return OfUnrecognized(unknown.Groups["it"].Value, typed.Command, command);
        if (NoCommand().IsMatch(error.Message))
            return $"{command} needs one more word: {ChoiceOf(typed.Command)}.";
        if (NoValue().Match(error.Message) is { Success: true } bare)
            return $"{bare.Groups["option"].Value} has no value; write one behind it.";
        if (NoArgument().IsMatch(error.Message))
        {
            string[] wanted = [.. typed.Command.Arguments.Select(argument => $"<{argument.Name}>")];
            return $"{command} needs {Choice(wanted, "and")}, and nothing is there.";
        }

        if (Missing().Match(error.Message) is { Success: true } missing)
            return $"{missing.Groups["option"].Value} is missing, without which {command} cannot do anything.";
        if (Several().Match(error.Message) is { Success: true } several)
            return $"{several.Groups["option"].Value} is given {several.Groups["count"].Value} values; give it one.";
        if (NoneOf().Match(error.Message) is { Success: true } none)
        {
            string[] words = [.. none.Groups["word"].Captures.Select(word => word.Value)];
            return $"{NameOf(error.SymbolResult)} is '{PlainText.Line(none.Groups["it"].Value, MostShown)}'; choose {Choice(words, "or")}.";
        }

        return OfUnreadable(error.Message) ?? Ended(PlainText.Line(error.Message));
    }

    /// <summary>
    /// The sentence for an option that a command does not have, of those that take keys of job files beside their options: an option's name
    /// without a dot is no key. Null: there is none.
    /// </summary>
    public static string? OfUnmatched(ParseResult parsed)
    {
        var before = "";
        foreach (var word in parsed.UnmatchedTokens)
        {
            var isValue = before.StartsWith("--", StringComparison.Ordinal) && !before.Contains('=', StringComparison.Ordinal);
            if (!isValue && OptionName().IsMatch(word))
                return OfUnrecognized(word, parsed.CommandResult.Command, $"'{NameOf(parsed.CommandResult)}'");
            before = isValue ? "" : word;
        }

        return null;
    }

    /// <summary>
    /// The sentence where the parser threw what it would have said: rules of options ask for values that are none of their type. Null: it
    /// is not that.
    /// </summary>
    public static string? OfUnreadable(string message)
    {
        if (Unreadable().Match(message) is not { Success: true } unreadable)
            return null;
        var what = unreadable.Groups["type"].Value switch
        {
            "Int32" or "Int64" or "UInt64" => "a whole number",
            "Double" => "a number",
            "TimeSpan" => "a duration",
            "Boolean" => "true or false",
            _ => "what its help says",
        };
        var name = unreadable.Groups["option"] is { Success: true } option ? option.Value : "an argument";
        return $"{name} is '{PlainText.Line(unreadable.Groups["it"].Value, MostShown)}' and must be {what}.";
    }

    /// <summary>A command with those that it is below, as it is typed.</summary>
    public static string NameOf(CommandResult? typed)
    {
        var names = new Stack<string>();
        for (var command = typed; command is not null; command = command.Parent as CommandResult)
            names.Push(command.Command is RootCommand ? "coordinator" : command.Command.Name);
        return string.Join(' ', names);
    }

    private static string Ended(string sentence) => sentence.EndsWith('.') || sentence.EndsWith('?') ? sentence : $"{sentence}.";

    private static string OfUnrecognized(string it, Command command, string name)
    {
        var shown = $"'{PlainText.Line(it, MostShown)}'";
        if (it.Length > 1 && it[0] == '-')
        {
            var written = it.Split('=')[0];
            var near = KeySuggestion.Nearest(written, [.. command.Options.Where(option => !option.Hidden).Select(option => option.Name)]);
            return $"{name} has no option {shown}{(near is null ? "" : $"; did you mean {near}?")}{(near is null ? "." : "")}";
        }

        if (command.Subcommands.Count == 0)
            return $"{shown} is a word that {name} has no use for.";
        var meant = KeySuggestion.Nearest(it, [.. command.Subcommands.Select(below => below.Name)]);
        return meant is null
            ? $"{name} has no command {shown}: {ChoiceOf(command)}."
            : $"{name} has no command {shown}; did you mean {meant}?";
    }

    private static string ChoiceOf(Command command) =>
        command is RootCommand ? "'coordinator --help' lists the commands"
            : $"choose {Choice([.. command.Subcommands.Select(below => below.Name)], "or")}";

    private static string Choice(string[] words, string between) =>
        words.Length == 1 ? words[0] : $"{string.Join(", ", words[..^1])} {between} {words[^1]}";

    private static string NameOf(SymbolResult? result) => result switch
    {
        OptionResult option => option.Option.Name,
        ArgumentResult { Parent: OptionResult option } => option.Option.Name,
        ArgumentResult argument => $"<{argument.Argument.Name}>",
        _ => "a value",
    };

    private static int Rank(ParseError error) => Unrecognized().IsMatch(error.Message) ? 0
        : NoCommand().IsMatch(error.Message) || NoArgument().IsMatch(error.Message) || Missing().IsMatch(error.Message) ? 2
        : 1;

    [GeneratedRegex(@"\A--?[a-zA-Z][^.=]*(=.*)?\z", RegexOptions.Singleline)]
    private static partial Regex OptionName();

    [GeneratedRegex(@"\AUnrecognized command or argument '(?<it>.*)'\.\z", RegexOptions.Singleline)]
    private static partial Regex Unrecognized();

    [GeneratedRegex(@"\ARequired command was not provided\.\z")]
    private static partial Regex NoCommand();

    [GeneratedRegex(@"\ARequired argument missing for option: '(?<option>[^']*)'\.\z")]
    private static partial Regex NoValue();

    [GeneratedRegex(@"\ARequired argument missing for command: '[^']*'\.\z")]
    private static partial Regex NoArgument();

    [GeneratedRegex(@"\AOption '(?<option>[^']*)' is required\.\z")]
    private static partial Regex Missing();

    [GeneratedRegex(@"\AOption '(?<option>[^']*)' expects a single argument but (?<count>\d+) were provided\.\z")]
    private static partial Regex Several();

    [GeneratedRegex(@"\AArgument '(?<it>.*?)' not recognized\. Must be one of:(\s*'(?<word>[^']*)')+\s*\z", RegexOptions.Singleline)]
    private static partial Regex NoneOf();

    [GeneratedRegex(
        @"\ACannot parse argument '(?<it>.*)'( for (option '(?<option>[^']*)'|command '[^']*'))?"
            + @" as expected type '?(System\.Nullable`1\[)?[\w.]*?(?<type>\w+)\]?'?\.",
        RegexOptions.Singleline)]
    private static partial Regex Unreadable();
}
