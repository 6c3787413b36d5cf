using Coordinator.Machines;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;

namespace Coordinator.Tests.Checkpoints;

/// <summary>A checkpoint is complete or it is none; what is damaged is found and named; nothing outside the folder is touched.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private const int Elements = 1000;
    private static readonly JobId Job = new("train-1");
    private static readonly CheckpointId Id = new(1, 150, 3);

    private readonly string root = Directory.CreateTempSubdirectory("coordinator-checkpoints-").FullName;
    private readonly CheckpointFolder folder;
    private readonly float[] state = [.. Enumerable.Range(0, Elements).Select(i => (i * 0.37f) - 100)];

    public CheckpointFolderTests() => folder = new CheckpointFolder(Path.Combine(root, "checkpoints"));

    private string Part => Path.Combine(folder.PathOf(Job, Id), "part-00001-of-00003.safetensors");

    private string Manifest => Path.Combine(folder.PathOf(Job, Id), CheckpointManifest.FileName);

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void What_any_number_of_ranks_saved_is_read_whole(int ranks)
    {
        var sha256 = Save(ranks);
        Assert.Equal(state, Load(sha256));
    }

    [Fact]
    public void A_rank_without_elements_writes_no_file()
    {
        var part = folder.WritePart(Job, Id, 3, 4, Elements, new HostFloats(0), 0);
        Assert.Equal((0, ""), (part.Elements, part.File));
        Assert.False(Directory.Exists(folder.PathOf(Job, Id)));
    }

    [Fact]
    public void Before_the_manifest_there_is_no_checkpoint()
    {
        folder.WritePart(Job, Id, 0, 1, 0, HostFloats.Of(state), state.Length);
        var missing = Assert.Throws<CheckpointException>(() => folder.ReadManifest(Job, Id, null));
        Assert.Contains("was never complete", missing.Message, StringComparison.Ordinal);
        Assert.Equal([Id], folder.List(Job));
    }

    [Fact]
    public void What_a_backup_holds_beside_the_jobs_is_no_job()
    {
        Save(1);
        Directory.CreateDirectory(Path.Combine(root, "checkpoints", ".backup", Job.Value));
        Assert.Equal([Job], folder.Jobs());
    }

    [Fact]
    public void Sealed_twice_it_is_the_same_file()
    {
        var first = Save(3);
        Assert.Equal(first, folder.Seal(folder.ReadManifest(Job, Id, first)));
    }

    [Fact]
    public void A_part_that_is_not_there_or_is_cut_short_cannot_be_sealed()
    {
        var sha256 = Save(3);
        var manifest = folder.ReadManifest(Job, Id, sha256);
        File.WriteAllBytes(Part, File.ReadAllBytes(Part)[..^1]);
        Assert.Contains(
            "do all workers share this folder",
            Assert.Throws<CheckpointException>(() => folder.Seal(manifest)).Message,
            StringComparison.Ordinal);
        File.Delete(Part);
        Assert.Contains("is not there", Assert.Throws<CheckpointException>(() => folder.Seal(manifest)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_flipped_bit_of_a_part_is_found()
    {
        var sha256 = Save(3);
        var sound = File.ReadAllBytes(Part);
        for (var at = 0; at < sound.Length; at += 13)
        {
            var damaged = (byte[])sound.Clone();
            damaged[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(Part, damaged);
            Assert.Contains(
                "part-00001-of-00003", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_part_cut_short_grown_missing_or_exchanged_is_found()
    {
        var sha256 = Save(3);
        var sound = File.ReadAllBytes(Part);
        foreach (var (bytes, word) in new[] { (sound[..^4], "cut short"), ([.. sound, 0], "cut short or exchanged"), ([], "bytes long") })
        {
            File.WriteAllBytes(Part, bytes);
            Assert.Contains(word, Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
        }

        File.Copy(Part.Replace("00001-of", "00000-of", StringComparison.Ordinal), Part, overwrite: true);
        Assert.Throws<CheckpointException>(() => Load(sha256));
        File.Delete(Part);
        Assert.Contains("is missing", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("folder")]
    [InlineData("socket")]
    public void What_is_no_file_in_the_place_of_a_part_or_manifest_is_named_and_not_waited_for(string kind)
    {
        var sha256 = Save(3);
        SpecialFiles.Put(Part, kind);
        Assert.Contains(
            $"is a {kind} and no file", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
        SpecialFiles.Put(Manifest, kind);
        Assert.Contains(
            $"is a {kind} and no file", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_the_job_did_not_record_is_refused()
    {
        var sha256 = Save(3);
        File.WriteAllText(Manifest, File.ReadAllText(Manifest) + " ");
        Assert.Contains("damaged or exchanged", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../../secret.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("part-00001-of-00003.safetensors/../../x")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("part-00001-of-00003.safetensors\\n")]
    public void A_manifest_that_points_outside_its_folder_is_refused(string name)
    {
        Save(3);
        File.WriteAllText(Manifest, File.ReadAllText(Manifest).Replace("part-00001-of-00003.safetensors", name, StringComparison.Ordinal));
        Assert.Contains(
            "nothing outside it is read", Assert.Throws<CheckpointException>(() => Load(null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_is_not_followed_whether_part_manifest_or_folder()
    {
        var sha256 = Save(3);
        var outside = Path.Combine(root, "outside");
        File.Move(Part, outside);
        File.CreateSymbolicLink(Part, outside);
        Assert.Contains("is a link", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
        File.Delete(Part);
        File.Move(outside, Part);

        var elsewhere = Path.Combine(root, "elsewhere");
        Directory.Move(folder.PathOf(Job, Id), elsewhere);
        Directory.CreateSymbolicLink(folder.PathOf(Job, Id), elsewhere);
        Assert.Contains("is a link", Assert.Throws<CheckpointException>(() => Load(sha256)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "is a link",
            Assert.Throws<CheckpointException>(() => folder.WritePart(Job, Id, 0, 1, 0, HostFloats.Of(state), state.Length)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    public void A_job_whose_id_is_no_folder_name_has_no_checkpoints(string job) =>
        Assert.Throws<CheckpointException>(() => folder.PathOf(new JobId(job), Id));

    [Theory]
    [InlineData("\"elements\": 1000", "\"elements\": 1001")]
    [InlineData("\"offset\": 333", "\"offset\": 334")]
    [InlineData("\"version\": 1", "\"version\": 2")]
    [InlineData("\"job\"", "\"work\"")]
    [InlineData("\"step\": 150", "\"step\": 151")]
    [InlineData("{", "[")]
    public void A_manifest_that_contradicts_itself_or_its_place_is_refused(string sound, string changed)
    {
        Save(3);
        var text = File.ReadAllText(Manifest);
        Assert.Contains(sound, text, StringComparison.Ordinal);
        File.WriteAllText(Manifest, text.Replace(sound, changed, StringComparison.Ordinal));
        Assert.Contains("manifest.json", Assert.Throws<CheckpointException>(() => Load(null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_that_fails_says_so_and_leaves_nothing_of_the_name()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.PathOf(Job, Id))!);
        File.WriteAllText(folder.PathOf(Job, Id), "in the way");
        Assert.Contains(
            "cannot be written",
            Assert.Throws<CheckpointException>(() => folder.WritePart(Job, Id, 0, 1, 0, HostFloats.Of(state), state.Length)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Pruning_keeps_what_is_named_and_what_is_newer()
    {
        CheckpointId[] all = [new(0, 50, 1), new(0, 100, 1), new(0, 150, 2), new(1, 120, 4), new(1, 140, 5)];
        foreach (var id in all)
            folder.WritePart(Job, id, 0, 1, 0, HostFloats.Of(state), state.Length);
        Assert.Equal([all[0], all[2]], folder.Prune(Job, [all[1], all[3]]));
        Assert.Equal([all[1], all[3], all[4]], folder.List(Job));
        Assert.Empty(folder.Prune(Job, []));
    }

    private string Save(int ranks)
    {
        var parts = new List<CheckpointPart>();
        for (var rank = 0; rank < ranks; rank++)
        {
            int start = Elements * rank / ranks, end = Elements * (rank + 1) / ranks;
            parts.Add(folder.WritePart(Job, Id, rank, ranks, start, HostFloats.Of(state.AsSpan(start, end - start)), end - start));
        }

        return folder.Seal(new CheckpointManifest
        {
            Job = Job.Value,
            Timeline = Id.Timeline,
            Step = Id.Step,
            Generation = Id.Generation,
            DeviceClass = "cpu",
            Elements = Elements,
            Parts = parts,
        });
    }

    private float[] Load(string? sha256)
    {
        var read = new float[Elements];
        folder.Read(Job, folder.ReadManifest(Job, Id, sha256), (offset, elements) => elements.CopyTo(read.AsSpan((int)offset)));
        return read;
    }
}
