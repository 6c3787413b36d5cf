using System.CommandLine;
using Coordinator.Machines.Clusters;

namespace Coordinator.Cli.Commands;

/// <summary>Options whose value is a power, such as <c>150MW</c>, <c>2.5kW</c> or <c>700</c> (watts).</summary>
public static class WattsOption
{
    /// <summary>What takes a limit away.</summary>
    public const string None = "none";

    /// <summary>An option of whole watts; null where it is not given.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="mayBeNone">Whether <c>none</c>, which reads as -1, takes the limit away.</param>
    /// <param name="perSecond">Whether it is a rate, with or without <c>/s</c> behind the unit.</param>
    public static Option<long?> Create(string name, string description, bool mayBeNone = false, bool perSecond = false) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            var (watts, problem) = Read(result.Tokens is [var only] ? only.Value : "", mayBeNone, perSecond);
            if (problem is not null)
                result.AddError($"{name} is {problem}");
            return watts;
        },
    };

    /// <summary>Reads a power.</summary>
    /// <returns>Whole watts (-1: none), or what is wrong, to be read after "is".</returns>
    public static (long Watts, string? Problem) Read(string text, bool mayBeNone, bool perSecond)
    {
        if (mayBeNone && text == None)
            return (-1, null);
        var power = perSecond && text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text;
        if (PowerText.TryParse(power, out var watts))
            return (watts, null);
        var rate = perSecond ? "/s" : "";
        return (0, $"'{text}'; write whole watts or a number with W{rate}, kW{rate}, MW{rate} or GW{rate}, 0 to 1000 GW, such as "
            + $"80MW{rate}{(mayBeNone ? $", or {None}" : "")}.");
    }
}
