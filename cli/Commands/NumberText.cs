using System.Globalization;
using System.Numerics;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary>
/// The one way in which numbers are read from a command line: a point and no comma, the digits 0 to 9 and no other script's, nothing that
/// is
/// infinite, no number or so small that some machines take it for 0.
/// </summary>
internal static class NumberText
{
    private const int MostShown = 60;

    /// <summary>Reads a whole number.</summary>
    /// <param name="name">The option, as messages name it.</param>
    /// <param name="text">What was given.</param>
    /// <param name="value">The number.</param>
    /// <returns>What is wrong, in a sentence with the remedy; null: nothing.</returns>
    public static string? Whole<T>(string name, string text, out T value)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
    {
        // .NET takes a number with zero characters behind it for the number.
        if (PlainText.IsPlain(text) && T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            return null;
        value = default;
        return PlainText.IsPlain(text)
            && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var wide)
            ? $"{name} is {PlainText.Line(text, MostShown)}; choose a number "
                + $"{(wide.Sign < 0 ? $"from {T.MinValue} on" : $"up to {T.MaxValue}")}."
            : $"{name} is '{PlainText.Line(text, MostShown)}' and must be a whole number, such as 4.";
    }

    /// <summary>Reads a number.</summary>
    /// <inheritdoc cref="Whole"/>
    public static string? Real(string name, string text, out double value)
    {
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        value = double.NaN;
        if (!PlainText.IsPlain(text) || !double.TryParse(text, style, CultureInfo.InvariantCulture, out value) || double.IsNaN(value))
        {
            return text.Contains(',', StringComparison.Ordinal)
                ? $"{name} is '{PlainText.Line(text, MostShown)}', which has a comma; write a number with a point, such as 0.7."
                : $"{name} is '{PlainText.Line(text, MostShown)}' and must be a number, such as 0.7.";
        }

        if (double.IsInfinity(value))
            return $"{name} is {PlainText.Line(text, MostShown)}, which is too large; choose a smaller number.";
        return value == 0 || double.IsNormal(value)
            ? null
            : $"{name} is {PlainText.Line(text, MostShown)}, which is too small to be told from 0; choose 0 or a larger number.";
    }
}
