using System.Buffers.Binary;
using System.Numerics;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Silo;

/// <summary>What becomes of the part of a journal that was written and not yet synced.</summary>
internal enum UnsyncedTail
{
    /// <summary>Only the process died: the system's cache outlives it, and writes back all of it.</summary>
    Kept,

    /// <summary>The power went: nothing of it reached the medium.</summary>
    Lost,

    /// <summary>The power went in the middle of it: it ends somewhere within a record.</summary>
    Torn,

    /// <summary>The power went, and what reached the medium is not what was written.</summary>
    Corrupted,
}

/// <summary>A transaction in the journal: framed by length and checksum, whole or not there.</summary>
internal sealed record JournalRecord(GrainAddress Grain, (int Life, int Activation, long Transaction) Id, IReadOnlyList<Output> Outputs)
{
    /// <summary>Whether the writer was told that it is durable.</summary>
    public bool Acknowledged { get; set; }
}

/// <summary>
/// The unsynced tail of the journal that stands for a database's write-ahead log. Before a sync its records are in the system's
/// cache. A crash of the machine leaves some bytes of them; what counts afterwards is what a scan of those bytes finds whole.
/// </summary>
internal sealed class Journal(VirtualWorld world)
{
    private const int FrameBytes = 8;

    private readonly List<JournalRecord> unsynced = [];

    public bool HasUnsynced => unsynced.Count > 0;

    /// <summary>The newest state of a grain that is in the cache only, or null.</summary>
    public StoredGrain? Newest(GrainAddress grain)
    {
        for (var i = unsynced.Count - 1; i >= 0; i--)
        {
            if (unsynced[i].Grain == grain && unsynced[i].Outputs.OfType<PersistState>().LastOrDefault() is { } persist)
                return new StoredGrain(persist.StateJson, persist.Incarnation, persist.Sequence);
        }

        return null;
    }

    public void Append(JournalRecord record) => unsynced.Add(record);

    /// <summary>The record is on the medium, and with it every record before it.</summary>
    /// <returns>What became durable, in order.</returns>
    public IReadOnlyList<JournalRecord> Sync(JournalRecord record)
    {
        var through = unsynced.IndexOf(record) + 1;
        var durable = unsynced.GetRange(0, through);
        unsynced.RemoveRange(0, through);
        return durable;
    }

    /// <summary>The process or the machine died.</summary>
    /// <returns>The records that are found when the journal is read again, in order, and those that are gone.</returns>
    public (IReadOnlyList<JournalRecord> Found, IReadOnlyList<JournalRecord> Gone) Recover(UnsyncedTail tail)
    {
        var records = unsynced.ToArray();
        unsynced.Clear();
        var found = tail switch
        {
            UnsyncedTail.Kept => records.Length,
            UnsyncedTail.Lost => 0,
            _ => Scan(Damage(records, tail)),
        };
        return (records[..found], records[found..]);
    }

    private byte[] Damage(JournalRecord[] records, UnsyncedTail tail)
    {
        var image = records.SelectMany(Frame).ToArray();
        if (image.Length == 0)
            return image;
        if (tail == UnsyncedTail.Torn)
            return image[..world.Disk.Below(image.Length)];
        image[world.Disk.Below(image.Length)] ^= (byte)(1 << world.Disk.Below(8));
        return image;
    }

    private static byte[] Frame(JournalRecord record)
    {
        var payload = record.Outputs.SelectMany(Bytes).ToArray();
        var frame = new byte[FrameBytes + payload.Length];
        payload.CopyTo(frame, FrameBytes);
        BinaryPrimitives.WriteInt32LittleEndian(frame, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(4), Crc(payload));
        return frame;
    }

    /// <summary>Counts the whole records from the beginning; the first that is not whole ends the journal.</summary>
    private static int Scan(ReadOnlySpan<byte> image)
    {
        var whole = 0;
        while (image.Length >= FrameBytes)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(image);
            if (length <= 0 || length > image.Length - FrameBytes
                || Crc(image.Slice(FrameBytes, length)) != BinaryPrimitives.ReadUInt32LittleEndian(image[4..]))
            {
                break;
            }
            whole++;
            image = image[(FrameBytes + length)..];
        }

        return whole;
    }

    private static byte[] Bytes(Output output) => output switch
    {
        PersistState persist => System.Text.Encoding.UTF8.GetBytes(persist.StateJson),
        ObserveEvent observed => JsonSerializer.SerializeToUtf8Bytes(observed.Event, MachinesJson.Default.CoordinatorEvent),
        ObserveSteps steps => System.Text.Encoding.UTF8.GetBytes($"{steps.Job} {steps.Timeline} {string.Join(' ', steps.Steps)}"),
        _ => throw new InvalidOperationException($"{output.GetType().Name} is not stored"),
    };

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
