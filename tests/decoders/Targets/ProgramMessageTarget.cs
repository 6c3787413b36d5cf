using System.Buffers.Binary;
using Coordinator.Worker.External;

namespace Coordinator.Decoders.Targets;

/// <summary>A message of a program: its header, and what its body says.</summary>
public sealed class ProgramMessageTarget : DecoderTarget
{
    private static readonly (ProgramMessage Message, int Length)[] Kinds =
    [
        (ProgramMessage.Describe, 40), (ProgramMessage.Ready, 0), (ProgramMessage.Ready, 8), (ProgramMessage.Computed, 16),
        (ProgramMessage.Dropped, 0), (ProgramMessage.Applied, 8), (ProgramMessage.Hooked, 0), (ProgramMessage.Failed, 30),
    ];

    /// <inheritdoc/>
    public override string Name => "program-message";

    /// <inheritdoc/>
    public override string About => "message of a program of one's own";

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (16 << 10) + (16L * length);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice)
    {
        var (message, length) = dice.Of(Kinds);
        var bytes = new byte[ProgramAnswer.HeaderBytes + length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), (uint)message);
        if (message is ProgramMessage.Computed)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), dice.Below(1000));
        else
            dice.Bytes(length).CopyTo(bytes, ProgramAnswer.HeaderBytes);
        return bytes;
    }

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        try
        {
            if (input.Length < ProgramAnswer.HeaderBytes)
                return false;
            var (message, length) = ProgramAnswer.ReadHeader(input);
            Hold(length is >= 0 and <= ProgramAnswer.LongestBody, $"a body of {length} bytes");
            if (input.Length < ProgramAnswer.HeaderBytes + length)
                return false;
            var answer = new ProgramAnswer(message, input[ProgramAnswer.HeaderBytes..(ProgramAnswer.HeaderBytes + length)]);
            if (message is ProgramMessage.Computed)
                Hold(answer.Result().Targets >= 0, "fewer than no targets");
            else if (message is ProgramMessage.Ready)
                Hold(answer.Periods().All(period => period > 0), "a call after every 0 steps");
            else if (message is ProgramMessage.Failed)
                Hold(!answer.Words().Any(c => char.IsControl(c) && c != '\n'), "words that steer a terminal");
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
