using System.Security.Cryptography;
using System.Text;

namespace Coordinator.Worker.Transport;

/// <summary>
/// Proof that an end of a connection knows its generation's key: HMAC-SHA256 over the end's role, both nonces and the whole hello.
/// The fresh nonces keep a recorded proof from being of use, the role keeps one end's proof from being sent back as the other's.
/// </summary>
internal static class HandshakeProof
{
    public const int Size = 32;

    public static byte[] Of(byte[] key, bool dialer, HandshakeHello hello, byte[] answerNonce)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        mac.AppendData(Encoding.UTF8.GetBytes(dialer ? "coordinator data plane, dialer" : "coordinator data plane, acceptor"));
        mac.AppendData(answerNonce);
        mac.AppendData(hello.Encode());
        return mac.GetHashAndReset();
    }
}
