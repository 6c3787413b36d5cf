namespace Coordinator.Decoders;

/// <summary>Spoils a valid input a little, as bit errors, cuts, repetitions and hostile pens do.</summary>
public static class Mutation
{
    private const int MostMutations = 4;
    private const int LongestPiece = 16;
    private const int LongestInput = 1 << 16;

    /// <summary>A spoiled copy.</summary>
    /// <param name="valid">The input.</param>
    /// <param name="dice">What is drawn.</param>
    /// <param name="fragments">Pieces that mean something to the reader.</param>
    public static byte[] Of(byte[] valid, Dice dice, IReadOnlyList<byte[]> fragments)
    {
        List<byte> bytes = [.. valid];
        for (var count = dice.Below(MostMutations) + 1; count > 0; count--)
            Mutate(bytes, dice, fragments);
        if (bytes.Count > LongestInput)
            bytes.RemoveRange(LongestInput, bytes.Count - LongestInput);
        return [.. bytes];
    }

    private static void Mutate(List<byte> bytes, Dice dice, IReadOnlyList<byte[]> fragments)
    {
        var at = dice.Below(bytes.Count + 1);
        var length = Math.Min(dice.Below(LongestPiece) + 1, bytes.Count - at);
        switch (dice.Below(9))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << dice.Below(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)dice.Next();
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(dice.Below(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 4 when fragments.Count > 0:
                bytes.InsertRange(at, dice.Of(fragments));
                break;
            case 5 when fragments.Count > 0:
                bytes.RemoveRange(at, length);
                bytes.InsertRange(at, dice.Of(fragments));
                break;
            case 6:
                Renumber(bytes, at, dice);
                break;
            case 7 when at + 8 <= bytes.Count:
                // Binary numbers.
                var number = BitConverter.GetBytes(dice.Corner());
                for (var i = 0; i < (dice.OneIn(2) ? 4 : 8); i++)
                    bytes[at + i] = number[i];
                break;
            default:
                if (dice.OneIn(3))
                    bytes.RemoveRange(at, bytes.Count - at);
                else
                    bytes.InsertRange(at, Enumerable.Repeat(at < bytes.Count ? bytes[at] : (byte)' ', dice.Below(200)));
                break;
        }
    }

    /// <summary>Puts another number in the place of the next one that is written out.</summary>
    private static void Renumber(List<byte> bytes, int from, Dice dice)
    {
        var begin = bytes.FindIndex(from, letter => char.IsAsciiDigit((char)letter));
        if (begin < 0)
            return;
        var end = bytes.FindIndex(begin, letter => !char.IsAsciiDigit((char)letter));
        bytes.RemoveRange(begin, (end < 0 ? bytes.Count : end) - begin);
        bytes.InsertRange(begin, System.Text.Encoding.ASCII.GetBytes(
            dice.OneIn(8) ? "1e308" : dice.OneIn(8) ? "0.5" : dice.Corner().ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }
}
