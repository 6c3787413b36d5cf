using System.Globalization;
using System.Text;
using Coordinator.Machines;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Decoders.Targets;

/// <summary>
/// Manifests of checkpoints. What is accepted covers the state once, names files of its own folder, and is written back to a manifest that
/// says the same.
/// </summary>
public sealed class ManifestTarget : DecoderTarget
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ",", ":", "\"", "null", "-1", "9223372036854775807", "1e400", "\"parts\":", "\"file\":", "\"elements\":",
        "\"offset\":", "\"version\":", "\"step\":",
        "../", "/etc/passwd", "part-00000-of-00001.safetensors", "\\u0000", "\\ud800", "\\u002e\\u002e/", "\n", "true", "\"\"",
    ];

    /// <inheritdoc/>
    public override string Name => "checkpoint-manifest";

    /// <inheritdoc/>
    public override string About => "manifest of a checkpoint (JSON)";

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Fragments { get; } = [.. Pieces.Select(Encoding.UTF8.GetBytes)];

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (128 << 10) + (64L * length);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice)
    {
        List<CheckpointPart> parts = [];
        long offset = 0;
        for (var count = 1 + dice.Below(8); parts.Count < count;)
        {
            long elements = 1 + dice.Below(1_000_000);
            parts.Add(new CheckpointPart(
                string.Create(CultureInfo.InvariantCulture, $"part-{parts.Count:D5}-of-{count:D5}.safetensors"),
                (elements * 4) + 100 + dice.Below(900),
                Convert.ToHexStringLower(dice.Bytes(32)),
                offset,
                elements));
            offset += elements;
        }

        return new CheckpointManifest
        {
            Job = string.Create(CultureInfo.InvariantCulture, $"job-{dice.Below(100)}"),
            Timeline = dice.Below(5),
            Step = 1 + dice.Below(100_000),
            Generation = 1 + dice.Below(100),
            DeviceClass = "cpu-x64-k1",
            Elements = offset,
            Parts = parts,
        }.ToBytes();
    }

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        CheckpointManifest manifest;
        try
        {
            manifest = CheckpointManifest.Parse(input, "manifest.json");
        }
        catch (CheckpointException)
        {
            return false;
        }

        long next = 0;
        foreach (var part in manifest.Parts)
        {
            Hold(part.Offset == next && part.Elements > 0, "parts do not follow each other");
            Hold(Path.GetFileName(part.File) == part.File && part.File.Length > 0, "a part lies outside its folder");
            next += part.Elements;
        }

        Hold(next == manifest.Elements, "parts do not cover the state");
        Hold(
            CheckpointManifest.Parse(manifest.ToBytes(), "again").ToBytes().AsSpan().SequenceEqual(manifest.ToBytes()),
            "the manifest is written back as another one");
        return true;
    }
}
