using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// The file system that all workers save to. A part is there once its write has ended, whole; a few writes fail, and a few come out
/// damaged, which only reading shows. What is written outlives every process.
/// </summary>
internal sealed class SharedFolder(ulong seed, bool fails)
{
    private readonly SortedDictionary<(CheckpointId Id, string File), ulong[]> parts = [];
    private readonly SortedDictionary<CheckpointId, SealCheckpoint> manifests = [];

    /// <summary>Manifests written.</summary>
    public int Sealed { get; private set; }

    /// <summary>Writes a part. Null: the write failed.</summary>
    public CheckpointPart? Write(SaveState save, ulong[] words)
    {
        if (words.Length == 0)
            return new CheckpointPart("", 0, "", save.Start, 0);
        var luck = fails ? Mix.Scramble(
            seed ^ (ulong)save.Checkpoint.Step ^ ((ulong)save.Checkpoint.Generation << 20) ^ ((ulong)save.Rank << 40)) % 100 : 99;
        if (luck < 8)
            return null;
        var file = $"part-{save.Rank:D5}-of-{save.Ranks:D5}.safetensors";
        var sha256 = ToyModel.Sha256(words);
        var stored = (ulong[])words.Clone();
        if (luck < 14)
            stored[0] ^= 1;
        parts[(save.Checkpoint, file)] = stored;
        return new CheckpointPart(file, words.Length * sizeof(ulong), sha256, save.Start, words.Length);
    }

    /// <summary>Writes a manifest.</summary>
    /// <returns>Why it cannot be; null: it was written.</returns>
    public string? Seal(SealCheckpoint seal)
    {
        if (seal.Parts.FirstOrDefault(part => !parts.ContainsKey((seal.Checkpoint, part.File))) is { } missing)
            return $"{missing.File} is not there";
        if (manifests.TryGetValue(seal.Checkpoint, out var before) && !before.Parts.SequenceEqual(seal.Parts))
            return "there is another manifest";
        manifests[seal.Checkpoint] = seal;
        Sealed++;
        return null;
    }

    /// <summary>Removes what is older than the newest that is kept, and not kept.</summary>
    public void Prune(IReadOnlyList<CheckpointId> keep)
    {
        foreach (var id in manifests.Keys.Where(id => id.CompareTo(keep.Max()) < 0 && !keep.Contains(id)).ToArray())
            manifests.Remove(id);
        foreach (var key in parts.Keys.Where(key => key.Id.CompareTo(keep.Max()) < 0 && !keep.Contains(key.Id)).ToArray())
            parts.Remove(key);
    }

    /// <summary>Reads the state of a checkpoint. Null words: it cannot be read, for the reason.</summary>
    public (ulong[]? Words, string Reason) Read(CheckpointRef checkpoint, int words)
    {
        if (!manifests.TryGetValue(checkpoint.Id, out var manifest))
            return (null, "there is no manifest");
        var state = new ulong[words];
        foreach (var part in manifest.Parts)
        {
            if (!parts.TryGetValue((checkpoint.Id, part.File), out var stored))
                return (null, $"{part.File} is missing");
            if (ToyModel.Sha256(stored) != part.Sha256)
                return (null, $"{part.File} is damaged");
            stored.CopyTo(state, (int)part.Offset);
        }

        return (state, "");
    }
}
