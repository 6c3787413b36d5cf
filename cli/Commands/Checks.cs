using System.CommandLine;
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
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<T>() is { } value && !(value >= least))
                result.AddError($"{option.Name} is {value}; choose {least} or more.");
        });
    }

    /// <summary>Refuses values outside <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static void InRange<T>(Option<T> option, T least, T most)
        where T : INumber<T>
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<T>() is { } value && !(value >= least && value <= most))
                result.AddError($"{option.Name} is {value}; choose {least} to {most}.");
        });
    }
}
