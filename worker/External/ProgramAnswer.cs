using System.Buffers.Binary;
using System.Text;

namespace Coordinator.Worker.External;

/// <summary>A message of a program, as its bytes say it.</summary>
/// <param name="Message">Which it is.</param>
/// <param name="Body">Its body.</param>
public readonly record struct ProgramAnswer(ProgramMessage Message, byte[] Body)
{
    /// <summary>Bytes before a body: its length, and the message's number.</summary>
    public const int HeaderBytes = 8;

    /// <summary>Longest body.</summary>
    public const int LongestBody = 1 << 24;

    private const int MostWords = 4000;
    private const int MostPeriods = 64;

    /// <summary>Reads a header.</summary>
    /// <exception cref="FormatException">It announces no message of a program, or one of a length that it cannot have.</exception>
    public static (ProgramMessage Message, int Length) ReadHeader(ReadOnlySpan<byte> header)
    {
        var (length, number) = (BinaryPrimitives.ReadUInt32LittleEndian(header), BinaryPrimitives.ReadUInt32LittleEndian(header[4..]));
        var message = (ProgramMessage)number;
        var (least, most) = message switch
        {
            ProgramMessage.Describe => (2, LongestBody),
            ProgramMessage.Ready => (0, MostPeriods * sizeof(uint)),
            ProgramMessage.Dropped or ProgramMessage.Hooked => (0, 0),
            ProgramMessage.Computed => (16, 16),
            ProgramMessage.Applied => (8, 8),
            ProgramMessage.Failed => (0, 1 << 16),
            _ => throw new FormatException($"the program sent message {number}, which no program sends"),
        };
        return length >= least && length <= most
            ? (message, (int)length)
            : throw new FormatException(
                $"the program sent message {message} with {length} bytes; it has {(least == most ? $"{least}" : $"{least} to {most}")}");
    }

    /// <summary>Loss and targets of <see cref="ProgramMessage.Computed"/>.</summary>
    /// <exception cref="FormatException">There are fewer than no targets.</exception>
    public (double Loss, long Targets) Result()
    {
        var targets = BinaryPrimitives.ReadInt64LittleEndian(Body.AsSpan(8));
        return targets >= 0 ? (
            BinaryPrimitives.ReadDoubleLittleEndian(Body), targets) : throw new FormatException($"the program counted {targets} targets");
    }

    /// <summary>
    /// The periods of <see cref="ProgramMessage.Ready"/>: after every so many recorded steps rank 0 is to be given time for what the
    /// program does of its own.
    /// </summary>
    /// <exception cref="FormatException">One of them is no number of steps.</exception>
    public IReadOnlyList<long> Periods()
    {
        if (Body.Length % sizeof(uint) != 0)
            throw new FormatException($"the program is ready with {Body.Length} bytes, which are no whole periods");
        var periods = new long[Body.Length / sizeof(uint)];
        for (var i = 0; i < periods.Length; i++)
            periods[i] = BinaryPrimitives.ReadUInt32LittleEndian(Body.AsSpan(i * sizeof(uint)));
        return Array.IndexOf(periods, 0L) >= 0 ? throw new FormatException("the program wants to be called after every 0 steps") : periods;
    }

    /// <summary>The norm of <see cref="ProgramMessage.Applied"/>.</summary>
    public double Norm() => BinaryPrimitives.ReadDoubleLittleEndian(Body);

    /// <summary>The words of <see cref="ProgramMessage.Failed"/>, in lines that steer no terminal.</summary>
    public string Words()
    {
        var text = Encoding.UTF8.GetString(Body);
        return new string([.. text.Take(MostWords).Select(c => char.IsControl(c) && c != '\n' ? '?' : c)]);
    }
}
