using System.CommandLine;
using System.Text.RegularExpressions;
using Coordinator.Cli.Commands;
using Coordinator.Machines;

namespace Coordinator.Tests.Cli;

/// <summary>
/// Every option and argument of every command, with whatever a stranger may type. They come from the command line itself, so that a new
/// one is held to
/// this at once: what is no such value is refused in a sentence that names the option, and what is accepted is what was written.
/// </summary>
public sealed partial class HostileOptionTests
{
    private static readonly string[] Values =
    [
        "", " ", "two", "-1", "+7", "0", "-0", "4 ", " 4", "0,7", "1,000", "1.000,5", "1.5", ".5", "5.", "1e3", "1e999", "-1e999", "1e-310",
            "-1e-310", "4.9e-324", "NaN", "-NaN", "Infinity", "∞", "0x10", "1_000", "1'000",
        "99999999999999999999999999", "-99999999999999999999999999", "2147483648", "-2147483649", "9223372036854775808",
            "18446744073709551616", "٣", "３", "०", "½", "四", "4\u001b[2J", "\u202E4", "4\n5", "\u009b4", "4\0",
        "@/etc/passwd", "@", "@missing", "/", "/dev/null", "null", "true", "false", "yes", "--", "-", "''", "4;5", "4,5", "4 5", "{}",
            "$HOME", "json,yaml", "1",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ];

    public static TheoryData<string> Commands => [.. All(CommandLine.Create(), "").Select(found => found.Path)];

    [Fact]
    public void All_commands_are_looked_at() => Assert.InRange(All(CommandLine.Create(), "").Count(), 30, 200);

    [Theory]
    [MemberData(nameof(Commands))]
    public void Whatever_is_typed_is_read_as_it_was_written_or_refused_in_words(string path)
    {
        var wrong = new List<string>();
        var (_, command) = All(CommandLine.Create(), "").Single(found => found.Path == path);
        foreach (var option in command.Options.Where(option => option is not System.CommandLine.Help.HelpOption and not VersionOption))
        {
            foreach (var value in Values)
            {
                string[] line = [.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. Required(command, option)];
                var type = option.GetType().IsGenericType ? option.ValueType : typeof(string);
                Look(wrong, path, option.Name, type, value, [.. line, $"{option.Name}={value}"]);
            }
        }

        foreach (var argument in command.Arguments)
        {
            foreach (var value in Values.Where(value => !value.StartsWith('-')))
            {
                Look(wrong, path, $"<{argument.Name}>", argument.ValueType, value,
                    [.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. Required(command, null), value]);
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count}:\n{string.Join('\n', wrong.Take(30))}");
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_names_no_type(string path)
    {
        using var help = new StringWriter();
        CommandLine.Parse([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"])
            .Invoke(new InvocationConfiguration { Output = help });
        Assert.DoesNotContain("System.", help.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Coordinator.", help.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("`1", help.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "--temperature is '0,7', which has a comma; write a number with a point, such as 0.7.", "generate", "-m", "x", "--temperature",
            "0,7")]
    [InlineData(
        "--temperature is 1e-310, which is too small to be told from 0; choose 0 or a larger number.", "generate", "-m", "x",
            "--temperature", "1e-310")]
    [InlineData("--workers is 'two' and must be a whole number, such as 4.", "train", "--workers", "two")]
    [InlineData("--gpus is 'x' and must be a whole number, such as 4.", "worker", "--gpus", "x")]
    [InlineData("--limit is 99999999999; choose a number up to 2147483647.", "events", "--limit", "99999999999")]
    [InlineData("--limit is '٣' and must be a whole number, such as 4.", "events", "--limit", "٣")]
    [InlineData("--seed is -1; choose a number from 0 on.", "generate", "-m", "x", "--seed", "-1")]
    [InlineData("--output is 'xml'; choose table, wide, json or yaml.", "jobs", "-o", "xml")]
    [InlineData(
        "--preset is 'x'; choose llama3-16k, eagle, grok2-20k, frontier, aurora, colossus-100k, colossus-1m or colossus-growth.",
            "simulate", "cluster", "--preset", "x")]
    [InlineData("--dashboard is 'a b'; choose on or off.", "silo", "--data-dir", "d", "--dashboard", "a\nb")]
    [InlineData("'coordinator jobs' has no option '--outptu'; did you mean --output?", "jobs", "--outptu", "json")]
    [InlineData("'coordinator train' has no option '--worker=2'; did you mean --workers?", "train", "--model.layers", "2", "--worker=2")]
    [InlineData("'coordinator train' has no option '-x'.", "train", "-x")]
    [InlineData("'coordinator' has no command 'traim'; did you mean train?", "traim")]
    [InlineData("'coordinator checkpoint' has no command 'x': choose ls, verify or save.", "checkpoint", "x")]
    [InlineData("'coordinator checkpoint' needs one more word: choose ls, verify or save.", "checkpoint")]
    [InlineData("'a b' is a word that 'coordinator jobs' has no use for.", "jobs", "a\nb")]
    [InlineData("-p has no value; write one behind it.", "generate", "-m", "x", "-p")]
    [InlineData("--model is missing, without which 'coordinator generate' cannot do anything.", "generate")]
    [InlineData("'coordinator resume' needs <directory>, and nothing is there.", "resume")]
    [InlineData("--steps is given 2 values; give it one.", "train", "--steps", "5", "--steps", "6")]
    [InlineData("--output is '1'; choose table, wide, json or yaml.", "jobs", "-o", "1")]
    public void What_is_wrong_is_said_in_a_sentence(string said, params string[] arguments) =>
        Assert.Equal(said, CommandLine.WhyRefused(arguments));

    [Fact]
    public void A_prompt_that_begins_with_an_at_sign_is_a_prompt() =>
        Assert.Equal("@someone said", CommandLine.Parse(["generate", "-m", "x", "-p", "@someone said"]).GetValue<string>("--prompt"));

    private static void Look(List<string> wrong, string path, string name, Type type, string value, string[] arguments)
    {
        ParseResult parsed;
        try
        {
            parsed = CommandLine.Parse(arguments);
        }
        catch (Exception failed)
        {
            wrong.Add($"{path} {name} {Shown(value)}: {failed.GetType().Name}: {failed.Message}");
            return;
        }

        var element = Nullable.GetUnderlyingType(type.IsArray ? type.GetElementType()! : type)
            ?? (type.IsArray ? type.GetElementType()! : type);
        if (parsed.Errors.Count == 0)
        {
            // Powers may have a unit, and a blank before it.
            var isRight = element == typeof(long) ? Whole().IsMatch(value) || value is "4 " or "5." or "none"
                : element == typeof(int) || element == typeof(ulong) ? Whole().IsMatch(value)
                : element == typeof(double) ? Real().IsMatch(value)
                : !element.IsEnum || Enum.GetNames(element).Contains(value, StringComparer.OrdinalIgnoreCase);
            if (!isRight)
                wrong.Add($"{path} {name} {Shown(value)} is accepted");
            return;
        }

        var said = ParserMessage.Of(parsed);
        if (said.Contains("System.", StringComparison.Ordinal) || said.Contains("Coordinator.", StringComparison.Ordinal))
            wrong.Add($"{path} {name} {Shown(value)} names a type: {said}");
        if (!PlainText.IsPlain(said) || !said.EndsWith('.') && !said.EndsWith('?') || char.IsWhiteSpace(said[0]))
            wrong.Add($"{path} {name} {Shown(value)} is refused in what is no sentence: {said.ReplaceLineEndings("|")}");
    }

    private static IEnumerable<string> Required(Command command, Option? but)
    {
        foreach (var option in command.Options.Where(option => option.Required && option != but))
            yield return $"{option.Name}=x";
        foreach (var _ in but is null ? [] : command.Arguments.Where(argument => argument.Arity.MinimumNumberOfValues > 0))
            yield return "x";
    }

    private static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(below => All(below, $"{path} {below.Name}".Trim())).Prepend((path, command));

    private static string Shown(string value) => $"'{PlainText.Line(value, 40)}'";

    [GeneratedRegex(@"\A[+-]?[0-9]{1,20}\z")]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z")]
    private static partial Regex Real();
}
