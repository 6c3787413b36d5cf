using System.CommandLine;
using System.CommandLine.Parsing;
using System.Numerics;

namespace Coordinator.Cli.Commands;

/// <summary>Ranges of options, refused when the command line is read.</summary>
public static class Checks
{
    /// <summary>Refuses values below <paramref name="least"/>.</summary>
    public static void AtLeast<T>(Option<T> option, T least)
        where T : INumber<T>
    {
        option.Validators.Add(result =>
        {
            if (TryRead<T>(result) is T value && !(value >= least))
                result.AddError($"{option.Name} is {value}; choose {least} or more.");
        });
    }

    /// <summary>Refuses values outside <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static void InRange<T>(Option<T> option, T least, T most)
        where T : INumber<T>
    {
        option.Validators.Add(result =>
        {
            if (TryRead<T>(result) is T value && !(value >= least && value <= most))
                result.AddError($"{option.Name} is {value}; choose {least} to {most}.");
        });
    }

    /// <summary>The value that was given; null where none was, or what was given is no number: that the parser says by itself.</summary>
    private static object? TryRead<T>(OptionResult result)
        where T : INumber<T>
    {
        try
        {
            return result.Tokens.Count > 0 ? result.GetValueOrDefault<T>() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
