using Coordinator.Machines;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>Damages a complete checkpoint as disks and people do.</summary>
internal static class CheckpointDamage
{
    /// <summary>Flips one bit in the middle of a part.</summary>
    /// <returns>The file.</returns>
    public static string Corrupt(string checkpoints, JobId job, CheckpointId id, int part) => Flip(Part(checkpoints, job, id, part));

    /// <summary>Flips one bit in the middle of the manifest.</summary>
    /// <returns>The file.</returns>
    public static string CorruptManifest(string checkpoints, JobId job, CheckpointId id) =>
        Flip(Path.Combine(checkpoints, job.Value, id.Name, CheckpointManifest.FileName));

    /// <summary>Removes a part.</summary>
    /// <returns>The file that was there.</returns>
    public static string Remove(string checkpoints, JobId job, CheckpointId id, int part)
    {
        var file = Part(checkpoints, job, id, part);
        File.Delete(file);
        return Path.GetFileName(file);
    }

    private static string Flip(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = stream.Length / 2;
        var old = stream.ReadByte();
        stream.Position--;
        stream.WriteByte((byte)(old ^ 0x10));
        return Path.GetFileName(file);
    }

    private static string Part(string checkpoints, JobId job, CheckpointId id, int part)
    {
        var folder = Path.Combine(checkpoints, job.Value, id.Name);
        var parts = Directory.Exists(folder) ? Directory.GetFiles(folder, "part-*.safetensors").Order(StringComparer.Ordinal)
            .ToArray() : [];
        return parts.Length > 0 ? parts[part % parts.Length] : throw new ChaosException(
            $"the job has recorded a checkpoint {id.Name}, and there are no parts in {folder}");
    }
}
