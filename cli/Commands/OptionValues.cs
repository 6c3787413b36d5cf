using System.CommandLine;
using System.CommandLine.Parsing;
using System.Numerics;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary>
/// Sees to it that every option and argument of numbers or words is read in one way and refused in words, whatever command it is of. It
/// goes over the
/// whole tree of commands once, so that an option that is added later is covered by being there. Rules of range are asked only of values
/// that could be
/// read: asking for a value that could not throws.
/// </summary>
internal sealed class OptionValues
{
    private readonly HashSet<Option> seen = [];
    private readonly HashSet<Option> guarded = [];

    private OptionValues()
    {
    }

    /// <summary>Goes over a command, its options and arguments, and the commands below it. Options that have a reader of their own keep
    /// it.</summary>
    public static void GuardAll(Command root) => new OptionValues().Guard(root);

    private void Guard(Command command)
    {
        foreach (var option in command.Options)
            Guard(option);
        foreach (var argument in command.Arguments)
            Guard(argument);
        foreach (var below in command.Subcommands)
            Guard(below);

        // They ask for values, and come before the options' own rules.
        var rules = command.Validators.ToArray();
        command.Validators.Clear();
        if (rules.Length > 0)
            command.Validators.Add(result => Ask(result, rules));
    }

    private void Ask(CommandResult result, Action<CommandResult>[] rules)
    {
        if (result.Children.OfType<OptionResult>()
            .Any(option =>
                guarded.Contains(option.Option) && WhyUnreadable(option.Option.ValueType, option.Option.Name, option.Tokens) is not null))
        {
            return;
        }
        Follow(result, rules);
    }

    /// <summary>
    /// Asks rules one after another, up to the first that is broken: those behind it may ask for the value that was refused just now. A
    /// rule that asks for a value that cannot be read ends there, since the parser says of the option itself what is wrong with it: no
    /// value, none of those that there are, or what the option's own reader said.
    /// </summary>
    private static void Follow<T>(T result, Action<T>[] rules)
        where T : SymbolResult
    {
        try
        {
            foreach (var rule in rules)
            {
                rule(result);
                if (result.Errors.Any())
                    return;
            }
        }
        catch (InvalidOperationException unreadable) when (unreadable.Source == typeof(Option).Assembly.GetName().Name)
        {
            // The parser looks at every option after the rules, and says the same.
        }
    }

    private void Guard(Option option)
    {
        if (!seen.Add(option))
            return;
        if (!IsRead(option.ValueType) || HasReader(option))
        {
            var own = option.Validators.ToArray();
            option.Validators.Clear();
            if (own.Length > 0)
                option.Validators.Add(result => Follow(result, own));
            return;
        }

        guarded.Add(option);
        var rules = option.Validators.ToArray();
        option.Validators.Clear();
        option.Validators.Add(result =>
        {
            if (WhyUnreadable(option.ValueType, option.Name, result.Tokens) is { } problem)
            {
                result.AddError(problem);
                return;
            }

            Follow(result, rules);
        });
        SetParser(option);
    }

    private static void Guard(Argument argument)
    {
        if (!IsRead(argument.ValueType))
            return;
        var rules = argument.Validators.ToArray();
        argument.Validators.Clear();
        argument.Validators.Add(result =>
        {
            if (WhyUnreadable(argument.ValueType, $"<{argument.Name}>", result.Tokens) is { } problem)
            {
                result.AddError(problem);
                return;
            }

            Follow(result, rules);
        });
    }

    /// <summary>The parser of System.CommandLine takes "0,7" for 7 and knows no other way to be told.</summary>
    private static void SetParser(Option option)
    {
        switch (option)
        {
            case Option<int> whole:
                whole.CustomParser ??= result => Whole<int>(result) ?? default;
                break;
            case Option<int?> whole:
                whole.CustomParser ??= Whole<int>;
                break;
            case Option<long> whole:
                whole.CustomParser ??= result => Whole<long>(result) ?? default;
                break;
            case Option<long?> whole:
                whole.CustomParser ??= Whole<long>;
                break;
            case Option<ulong> whole:
                whole.CustomParser ??= result => Whole<ulong>(result) ?? default;
                break;
            case Option<ulong?> whole:
                whole.CustomParser ??= Whole<ulong>;
                break;
            case Option<double> real:
                real.CustomParser ??= result => Real(result) ?? default;
                break;
            case Option<double?> real:
                real.CustomParser ??= Real;
                break;
        }
    }

    private static T? Whole<T>(ArgumentResult result)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
    {
        if (result.Tokens.Count == 0)
            return null;
        if (NumberText.Whole<T>(NameOf(result), result.Tokens[^1].Value, out var value) is not { } problem)
            return value;
        result.AddError(problem);
        return null;
    }

    private static double? Real(ArgumentResult result)
    {
        if (result.Tokens.Count == 0)
            return null;
        if (NumberText.Real(NameOf(result), result.Tokens[^1].Value, out var value) is not { } problem)
            return value;
        result.AddError(problem);
        return null;
    }

    private static bool HasReader(Option option) => option switch
    {
        Option<int[]> numbers => numbers.CustomParser is not null,
        Option<long?> number => number.CustomParser is not null,
        Option<int?> number => number.CustomParser is not null,
        Option<double?> number => number.CustomParser is not null,
        _ => false,
    };

    private static string NameOf(ArgumentResult result) =>
        result.Parent is OptionResult option ? option.Option.Name : $"<{result.Argument.Name}>";

    // Of switches the parser itself takes nothing but true and false for a value, and anything else for the next word.
    private static bool IsRead(Type type) =>
        ElementOf(type) is { IsEnum: true } or { IsPrimitive: true } && ElementOf(type) != typeof(bool);

    private static Type ElementOf(Type type)
    {
        var element = type.IsArray ? type.GetElementType()! : type;
        return Nullable.GetUnderlyingType(element) ?? element;
    }

    /// <summary>Why one of the values cannot be read as what the option wants; null: all can.</summary>
    private static string? WhyUnreadable(Type type, string name, IEnumerable<Token> tokens) =>
        tokens.Select(token => WhyUnreadable(ElementOf(type), name, token.Value)).FirstOrDefault(problem => problem is not null);

    private static string? WhyUnreadable(Type type, string name, string text)
    {
        if (type.IsEnum)
        {
            // Enum.Parse takes numbers and lists with commas, too.
            var words = Enum.GetNames(type).Select(word => word.ToLowerInvariant()).ToArray();
            return words.Contains(text.ToLowerInvariant(), StringComparer.Ordinal)
                ? null : $"{name} is '{PlainText.Line(text, 60)}'; choose {Choice(words)}.";
        }

        return type == typeof(int) ? NumberText.Whole<int>(name, text, out _)
            : type == typeof(long) ? NumberText.Whole<long>(name, text, out _)
            : type == typeof(ulong) ? NumberText.Whole<ulong>(name, text, out _)
            : type == typeof(double) ? NumberText.Real(name, text, out _)
            : null;
    }

    private static string Choice(string[] words) => words.Length == 1 ? words[0] : $"{string.Join(", ", words[..^1])} or {words[^1]}";
}
