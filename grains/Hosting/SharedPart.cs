using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// Records that go to thousands of receivers alike: a silo writes each once, and reads each once, and all its grains share one object.
/// Between silos such a record is named, and its text is asked for by the silo that lacks it: a membership is as long as its job is wide,
/// and sent to each node it would cost the square of that. Thread-safe.
/// </summary>
/// <typeparam name="T">The record; immutable, with everything that it holds.</typeparam>
/// <param name="type">How it is written.</param>
/// <param name="nameOf">Whose it is; the digest is added here.</param>
public sealed class SharedPart<T>(JsonTypeInfo<T> type, Func<T, PartName> nameOf)
    where T : class
{
    /// <summary>
    /// Text of records that were read last, all together, for which those are kept for who comes after: many small jobs' or few wide ones'.
    /// Others are kept for as long as somebody uses them.
    /// </summary>
    private const int KeptBytes = 1 << 20;

    /// <summary>Kept however long they are: a generation's membership and the change that leads to it.</summary>
    private const int KeptAtLeast = 2;

    private const int MostKnown = 1024;
    private const int DigestBytes = 16;

    private readonly ConditionalWeakTable<T, Writing> writings = [];
    private readonly Dictionary<string, WeakReference<T>> known = [];
    private readonly Dictionary<string, Task<T>> asked = [];
    private readonly Queue<(T Part, int Bytes)> recent = new();
    private readonly Lock gate = new();
    private int recentBytes;
    private long written;
    private long parsed;
    private long receivedBytes;

    /// <summary>A record's name, and its text where this silo is who wrote it.</summary>
    private sealed record Writing(PartName Name, byte[] NameText, byte[]? Text);

    /// <summary>Records that were written.</summary>
    public long Written => Interlocked.Read(ref written);

    /// <summary>Texts that were parsed.</summary>
    public long Parsed => Interlocked.Read(ref parsed);

    /// <summary>Bytes of the texts that came from other silos.</summary>
    public long ReceivedBytes => Interlocked.Read(ref receivedBytes);

    /// <summary>The text of a record. One that was read here is written anew, which only silos of earlier builds make necessary.</summary>
    public byte[] Write(T part) => WritingOf(part).Text ?? WriteText(part);

    /// <summary>The text of a record's name.</summary>
    public byte[] WriteName(T part) => WritingOf(part).NameText;

    /// <summary>The record of a name; null: this silo does not have it, or has it no more.</summary>
    public T? Find(PartName name)
    {
        lock (gate)
            return FindLocked(name.Digest);
    }

    /// <summary>The text of a record that this silo has written, for a silo that lacks it; null: nobody here uses it any more.</summary>
    public byte[]? TextOf(string digest)
    {
        lock (gate)
            return FindLocked(digest) is { } part && writings.TryGetValue(part, out var writing) ? writing.Text : null;
    }

    /// <summary>The record of a name. Where this silo lacks it, it is asked for once, however many wait for it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="ask">Asks whoever wrote it for its text, which is null where nobody uses it any more.</param>
    /// <exception cref="ArgumentException">It is not to be had, or its text is another's.</exception>
    public Task<T> GetAsync(PartName name, Func<PartName, Task<byte[]?>> ask)
    {
        lock (gate)
        {
            if (FindLocked(name.Digest) is { } there)
                return Task.FromResult(there);
            if (!asked.TryGetValue(name.Digest, out var answer))
            {
                // Without the caller's context: what all wait for is nobody's turn.
                answer = Task.Run(() => AskAsync(name, ask));
                asked.Add(name.Digest, answer);
            }

            return answer;
        }
    }

    /// <summary>
    /// The record of a text that came with a message: the one that was made of the same text before, if it is still used.
    /// </summary>
    /// <exception cref="JsonException">The text is none.</exception>
    public T Read(ReadOnlySpan<byte> text)
    {
        Interlocked.Add(ref receivedBytes, text.Length);
        var digest = DigestOf(text);
        lock (gate)
            return FindLocked(digest) ?? Parse(digest, text);
    }

    private async Task<T> AskAsync(PartName name, Func<PartName, Task<byte[]?>> ask)
    {
        try
        {
            var text = await ask(name).ConfigureAwait(false)
                ?? throw new ArgumentException(
                    $"job {name.Job} has no part {name.Digest} of incarnation {name.Incarnation}, generation {name.Generation} any more");
            Interlocked.Add(ref receivedBytes, text.Length);
            if (DigestOf(text) != name.Digest)
                throw new ArgumentException($"job {name.Job} has answered with another text for part {name.Digest}");
            lock (gate)
                return FindLocked(name.Digest) ?? Parse(name.Digest, text);
        }
        finally
        {
            lock (gate)
                asked.Remove(name.Digest);
        }
    }

    private Writing WritingOf(T part) => writings.TryGetValue(part, out var writing) ? writing : MakeWriting(part);

    private Writing MakeWriting(T part)
    {
        lock (gate)
        {
            if (writings.TryGetValue(part, out var there))
                return there;
            var text = WriteText(part);
            var name = nameOf(part) with { Digest = DigestOf(text) };
            var made = new Writing(name, name.Write(), text);
            writings.Add(part, made);

            // One of equal text that was read here stays what is found: others hold it already.
            if (FindLocked(name.Digest) is null)
                Know(name.Digest, part);
            return made;
        }
    }

    private byte[] WriteText(T part)
    {
        Interlocked.Increment(ref written);
        return JsonSerializer.SerializeToUtf8Bytes(part, type);
    }

    private T Parse(string digest, ReadOnlySpan<byte> text)
    {
        var fresh = Contracts.Read<T>(text);
        Interlocked.Increment(ref parsed);
        var name = nameOf(fresh) with { Digest = digest };
        writings.Add(fresh, new Writing(name, name.Write(), null));
        Know(digest, fresh);
        Keep(fresh, text.Length);
        return fresh;
    }

    private T? FindLocked(string digest) => known.TryGetValue(digest, out var weak) && weak.TryGetTarget(out var there) ? there : null;

    private void Know(string digest, T part)
    {
        if (known.Count >= MostKnown)
        {
            foreach (var gone in known.Where(pair => !pair.Value.TryGetTarget(out _)).Select(pair => pair.Key).ToArray())
                known.Remove(gone);
        }

        known[digest] = new WeakReference<T>(part);
    }

    private void Keep(T part, int bytes)
    {
        recent.Enqueue((part, bytes));
        recentBytes += bytes;
        while (recentBytes > KeptBytes && recent.Count > KeptAtLeast)
            recentBytes -= recent.Dequeue().Bytes;
    }

    private static string DigestOf(ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return Convert.ToHexStringLower(hash[..DigestBytes]);
    }
}
