using Coordinator.Machines;
using Coordinator.Worker.Transport;

namespace Coordinator.Decoders.Targets;

/// <summary>The hello with which a data-plane connection opens, before anything is proved.</summary>
public sealed class HandshakeTarget : DecoderTarget
{
    /// <inheritdoc/>
    public override string Name => "handshake";

    /// <inheritdoc/>
    public override string About => "first bytes of a data-plane connection";

    /// <inheritdoc/>
    public override long MostAllocated(int length) => 16 << 10;

    /// <inheritdoc/>
    public override byte[] Make(Dice dice) => new HandshakeHello(
        new JobId(Text(dice)),
        1 + (long)(dice.Next() >> 2),
        new NodeId(Text(dice)),
        new NodeId(Text(dice)),
        dice.Bytes(HandshakeHello.NonceSize)).Encode();

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        // As a socket gives it: the prefix, then as many bytes as that announces.
        if (input.Length < HandshakeHello.PrefixSize
            || HandshakeHello.BodyLength(input.AsSpan(0, HandshakeHello.PrefixSize)) is not (> 0 and var length)
            || input.Length < HandshakeHello.PrefixSize + length)
        {
            return false;
        }
        if (HandshakeHello.Decode(input.AsSpan(HandshakeHello.PrefixSize, length)) is not { } hello)
            return false;
        Hold(
            hello.Generation > 0 && hello.Nonce.Length == HandshakeHello.NonceSize, "a hello without a generation or a nonce was accepted");
        return true;
    }

    private static string Text(Dice dice) =>
        string.Concat(Enumerable.Range(0, 1 + dice.Below(60)).Select(_ => (char)('a' + dice.Below(26))));
}
