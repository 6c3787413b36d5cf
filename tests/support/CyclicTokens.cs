using Coordinator.Worker.Data;
using Coordinator.Worker.Numerics;

namespace Coordinator.Tests.Support;

/// <summary>A pattern with noise: each token is the one before plus three, now and then a random one.</summary>
public sealed class CyclicTokens(int vocab) : ISampleSource
{
    public void ReadSample(long position, Span<int> tokens)
    {
        var random = new RandomStream(3, RandomUse.SyntheticData, 9);
        var token = (int)(random.Words((ulong)position).W1 % (uint)vocab);
        for (var i = 0; i < tokens.Length; i++)
        {
            var words = random.Words((ulong)position, (uint)i);
            token = words.W2 % 10 == 0 ? (int)(words.W3 % (uint)vocab) : (token + 3) % vocab;
            tokens[i] = token;
        }
    }
}
