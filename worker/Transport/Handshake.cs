using System.Net.Sockets;
using System.Security.Cryptography;

namespace Coordinator.Worker.Transport;

/// <summary>
/// The two ends of the handshake. Dialer: hello. Acceptor: 0 and a nonce, or a refusal. Dialer: its proof. Acceptor: 0 and its own
/// proof, or a refusal. The acceptor proves itself last, so that who does not know the key gets nothing made with it.
/// </summary>
internal static class Handshake
{
    /// <summary>Dials; returns why it was refused, or <see cref="RefusalReason.None"/>.</summary>
    /// <exception cref="EndOfStreamException">The acceptor ended the connection without a word.</exception>
    public static async Task<RefusalReason> DialAsync(Socket socket, HandshakeHello hello, byte[] key, CancellationToken cancel)
    {
        await socket.SendAllAsync(hello.Encode(), cancel).ConfigureAwait(false);
        var answer = new byte[1 + HandshakeHello.NonceSize];
        var refusal = await ReadAnswerAsync(socket, answer, cancel).ConfigureAwait(false);
        if (refusal != RefusalReason.None)
            return refusal;
        var nonce = answer[1..];
        await socket.SendAllAsync(HandshakeProof.Of(key, dialer: true, hello, nonce), cancel).ConfigureAwait(false);
        var accept = new byte[1 + HandshakeProof.Size];
        refusal = await ReadAnswerAsync(socket, accept, cancel).ConfigureAwait(false);
        if (refusal != RefusalReason.None)
            return refusal;
        var expected = HandshakeProof.Of(key, dialer: false, hello, nonce);
        return CryptographicOperations.FixedTimeEquals(expected, accept.AsSpan(1)) ? RefusalReason.None : RefusalReason.WrongKey;
    }

    /// <summary>Reads the hello of a dialer; null where it sends none.</summary>
    public static async Task<HandshakeHello?> ReadHelloAsync(Socket socket, CancellationToken cancel)
    {
        var prefix = new byte[HandshakeHello.PrefixSize];
        if (!await socket.FillAsync(prefix, cancel).ConfigureAwait(false))
            return null;
        var length = HandshakeHello.BodyLength(prefix);
        if (length < 0)
            return null;
        var body = new byte[length];
        return await socket.FillAsync(body, cancel).ConfigureAwait(false) ? HandshakeHello.Decode(body) : null;
    }

    /// <summary>Makes the dialer prove itself. The acceptor's own proof is the caller's to send with <see cref="AcceptAsync"/>.</summary>
    /// <returns>The nonce that the proof was made with, or null where the proof is wrong or missing.</returns>
    public static async Task<byte[]?> ChallengeAsync(Socket socket, HandshakeHello hello, byte[] key, CancellationToken cancel)
    {
        var nonce = RandomNumberGenerator.GetBytes(HandshakeHello.NonceSize);
        await socket.SendAllAsync((byte[])[0, .. nonce], cancel).ConfigureAwait(false);
        var proof = new byte[HandshakeProof.Size];
        if (!await socket.FillAsync(proof, cancel).ConfigureAwait(false))
            return null;
        var expected = HandshakeProof.Of(key, dialer: true, hello, nonce);
        return CryptographicOperations.FixedTimeEquals(expected, proof) ? nonce : null;
    }

    public static async Task AcceptAsync(Socket socket, HandshakeHello hello, byte[] key, byte[] nonce, CancellationToken cancel) =>
        await socket.SendAllAsync((byte[])[0, .. HandshakeProof.Of(key, dialer: false, hello, nonce)], cancel).ConfigureAwait(false);

    public static async Task RefuseAsync(Socket socket, RefusalReason reason, CancellationToken cancel) =>
        await socket.SendAllAsync((byte[])[(byte)reason], cancel).ConfigureAwait(false);

    private static async Task<RefusalReason> ReadAnswerAsync(Socket socket, byte[] answer, CancellationToken cancel)
    {
        if (!await socket.FillAsync(answer.AsMemory(0, 1), cancel).ConfigureAwait(false))
            throw new EndOfStreamException("the connection was closed during the handshake");
        if (answer[0] != 0)
            return (RefusalReason)answer[0];
        if (!await socket.FillAsync(answer.AsMemory(1), cancel).ConfigureAwait(false))
            throw new EndOfStreamException("the connection was closed during the handshake");
        return RefusalReason.None;
    }
}
