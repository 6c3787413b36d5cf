using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coordinator.Machines;

namespace Coordinator.Grains.Hosting;

/// <summary>
/// A record that goes to thousands of receivers alike: its text is written once by the silo that sends it, and read once by each silo that
/// receives it, where all receivers share one object. A membership is as long as its job is wide; written and read for each node, and held
/// for each node, it costs the square of that. Thread-safe.
/// </summary>
/// <typeparam name="T">The record; immutable, with everything that it holds.</typeparam>
/// <param name="type">How it is written.</param>
public sealed class SharedPart<T>(JsonTypeInfo<T> type)
    where T : class
{
    /// <summary>Records that were read last are kept for who comes after; those before are kept for as long as somebody uses them.</summary>
    private const int Kept = 16;

    private const int MostKnown = 1024;

    private readonly ConditionalWeakTable<object, byte[]> texts = [];
    private readonly Dictionary<int, WeakReference<T>> known = [];
    private readonly Queue<T> recent = new();
    private readonly Lock gate = new();
    private long written;
    private long parsed;

    /// <summary>Records that were written.</summary>
    public long Written => Interlocked.Read(ref written);

    /// <summary>Texts that were parsed.</summary>
    public long Parsed => Interlocked.Read(ref parsed);

    /// <summary>The text of a record, written once for as long as the record is there.</summary>
    /// <param name="part">The record.</param>
    /// <param name="shared">What of it is shared, and makes all the rest; null: the record itself.</param>
    public byte[] Write(T part, object? shared = null) => texts.GetValue(shared ?? part, _ =>
    {
        Interlocked.Increment(ref written);
        return JsonSerializer.SerializeToUtf8Bytes(part, type);
    });

    /// <summary>The record of a text: the one that was made of the same text before, if it is still used.</summary>
    /// <exception cref="JsonException">The text is none.</exception>
    public T Read(ReadOnlySpan<byte> text)
    {
        var hash = new HashCode();
        hash.AddBytes(text);
        var key = hash.ToHashCode();
        lock (gate)
        {
            if (known.TryGetValue(key, out var weak) && weak.TryGetTarget(out var there) && texts.TryGetValue(there, out var same) && text.SequenceEqual(same))
                return there;
            var fresh = Contracts.Read<T>(text);
            Interlocked.Increment(ref parsed);

            // What is passed on is passed on as it came.
            texts.AddOrUpdate(fresh, text.ToArray());
            Remember(key, fresh);
            return fresh;
        }
    }

    private void Remember(int key, T fresh)
    {
        if (known.Count >= MostKnown)
        {
            foreach (var gone in known.Where(pair => !pair.Value.TryGetTarget(out _)).Select(pair => pair.Key).ToArray())
                known.Remove(gone);
        }

        known[key] = new WeakReference<T>(fresh);
        recent.Enqueue(fresh);
        if (recent.Count > Kept)
            recent.Dequeue();
    }
}
