using System.Formats.Tar;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;

namespace Coordinator.Tests.Programs;

/// <summary>
/// A script and the folder around it, packed: the same files give the same hash, and what is unpacked is what was packed.
/// </summary>
public sealed class ProgramFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("program-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_same_files_give_the_same_hash_whenever_they_were_written_and_only_files_of_a_program_are_taken()
    {
        var (one, other, store) = (Make("one"), Make("other"), Path.Combine(folder, "store"));
        File.SetLastWriteTimeUtc(Path.Combine(one, "parts", "layers.py"), DateTime.UnixEpoch);
        File.WriteAllText(Path.Combine(other, "model.safetensors"), "not the program's");
        Directory.CreateDirectory(Path.Combine(other, "__pycache__"));
        File.WriteAllText(Path.Combine(other, "__pycache__", "layers.py"), "compiled");

        var packed = ProgramFolder.Freeze(Path.Combine(one, "train.py"), store);

        Assert.Equal(packed, ProgramFolder.Freeze(Path.Combine(other, "train.py"), store));
        var unpacked = Path.Combine(folder, "unpacked");
        ProgramFolder.Unpack(DataStore.PathOf(store, packed.Sha256), unpacked);
        Assert.Equal(["parts/layers.py", "train.py"], Directory.GetFiles(unpacked, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(unpacked, path)).Order(StringComparer.Ordinal));
        Assert.Equal("import parts.layers", File.ReadAllText(Path.Combine(unpacked, "train.py")));
    }

    [Fact]
    public void Another_line_in_any_of_its_files_is_another_program()
    {
        var (one, store) = (Make("one"), Path.Combine(folder, "store"));
        var before = ProgramFolder.Freeze(Path.Combine(one, "train.py"), store);
        File.AppendAllText(Path.Combine(one, "parts", "layers.py"), "\n");

        Assert.NotEqual(before.Sha256, ProgramFolder.Freeze(Path.Combine(one, "train.py"), store).Sha256);
    }

    [Fact]
    public void A_file_that_would_leave_the_folder_is_not_unpacked()
    {
        var packed = Path.Combine(folder, "packed");
        using (var writer = new TarWriter(File.Create(packed), TarEntryFormat.Ustar))
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "../outside.py") { DataStream = new MemoryStream([1]) });

        var refused = Assert.Throws<DataException>(() => ProgramFolder.Unpack(packed, Path.Combine(folder, "unpacked")));

        Assert.Equal(DataProblem.Corrupt, refused.Problem);
        Assert.False(File.Exists(Path.Combine(folder, "outside.py")));
        Assert.False(Directory.Exists(Path.Combine(folder, "unpacked")));
    }

    [Fact]
    public void A_script_that_is_not_there_is_named() =>
        Assert.Equal(
            DataProblem.Missing, Assert.Throws<DataException>(() => ProgramFolder.Freeze(Path.Combine(folder, "none.py"), folder)).Problem);

    [Theory]
    [MemberData(nameof(SpecialFiles.Kinds), MemberType = typeof(SpecialFiles))]
    public void What_is_no_file_is_named_by_what_it_is_and_nobody_waits_for_it(string kind)
    {
        var script = Path.Combine(folder, "train.py");
        SpecialFiles.Put(script, kind);

        var refused = Assert.Throws<DataException>(() => ProgramFolder.Freeze(script, Path.Combine(folder, "store")));

        var words = kind == "loop" ? "a loop of links" : $"a {kind}";
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(
            kind == "loop"
                ? "name the program's script, and let this user read it"
                : $"{script} is {words} and no program; name the program's script",
            refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "store")));
    }

    private string Make(string name)
    {
        var path = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        Directory.CreateDirectory(Path.Combine(path, "parts"));
        File.WriteAllText(Path.Combine(path, "train.py"), "import parts.layers");
        File.WriteAllText(Path.Combine(path, "parts", "layers.py"), "width = 3");
        return path;
    }
}
