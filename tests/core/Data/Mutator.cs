namespace Coordinator.Tests.Data;

/// <summary>Spoils a valid input a little, in ways drawn from a seed: a failure is replayed by the seed it names.</summary>
internal static class Mutator
{
    public static byte[] Mutate(byte[] valid, int seed, ReadOnlySpan<string> fragments)
    {
        var random = new Random(seed);
        var bytes = valid.ToList();
        for (var count = random.Next(1, 5); count > 0; count--)
        {
            var at = random.Next(bytes.Count + 1);
            var length = Math.Min(random.Next(1, 12), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.InsertRange(at, System.Text.Encoding.UTF8.GetBytes(fragments[random.Next(fragments.Length)]));
                    break;
                default:
                    bytes.RemoveRange(at, random.Next(3) == 0 ? bytes.Count - at : 0);
                    break;
            }
        }

        return [.. bytes];
    }
}
