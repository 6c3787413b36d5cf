namespace Coordinator.Machines;

/// <summary>
/// A text that changes into another one much like it, in place: names and addresses of a cluster's nodes, one after the other.
/// </summary>
internal sealed class TextCursor
{
    /// <summary>Most characters: of a node's name and what follows it, and of an address.</summary>
    public const int MostCharacters = 320;

    private readonly char[] text = new char[MostCharacters];

    /// <summary>Characters.</summary>
    public int Length { get; private set; }

    /// <summary>The text.</summary>
    public ReadOnlySpan<char> Text => text.AsSpan(0, Length);

    /// <summary>Keeps the first <paramref name="same"/> characters, and puts a text behind them.</summary>
    /// <returns>False: there are not so many, or the text would be too long; nothing has changed.</returns>
    public bool Change(int same, ReadOnlySpan<char> rest)
    {
        if (same < 0 || same > Length || rest.Length > MostCharacters - same)
            return false;
        rest.CopyTo(text.AsSpan(same));
        Length = same + rest.Length;
        return true;
    }

    /// <summary>
    /// Counts on: the last number before a place becomes more by an amount, with as many digits, or more of them where it has no room.
    /// </summary>
    /// <returns>False: there is no number, or no room; the text is of no use then.</returns>
    public bool Advance(int before, int by)
    {
        var end = before;
        while (end > 0 && !char.IsAsciiDigit(text[end - 1]))
            end--;
        var digit = end;
        for (; by > 0; by /= 10)
        {
            if (digit == 0 || !char.IsAsciiDigit(text[digit - 1]))
            {
                // The number is as long as its digits: one more.
                if (digit == end || Length == MostCharacters)
                    return false;
                text.AsSpan(digit, Length - digit).CopyTo(text.AsSpan(digit + 1));
                text[digit++] = '0';
                Length++;
                end++;
            }

            var sum = text[--digit] - '0' + (by % 10);
            text[digit] = (char)('0' + (sum % 10));
            by += sum >= 10 ? 10 : 0;
        }

        return end > 0;
    }
}
