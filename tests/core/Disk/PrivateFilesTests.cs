using System.Runtime.Versioning;
using Coordinator.Disk;

namespace Coordinator.Tests.Disk;

/// <summary>What is made is its owner's alone; what is there is closed only where it is ours.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class PrivateFilesTests : IDisposable
{
    private const UnixFileMode Open = (UnixFileMode)0x1ED;
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-disk-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void New_folders_on_the_whole_way_are_the_owners_alone()
    {
        var made = PrivateFiles.CreateFolder(Path.Combine(folder, "a", "b"));
        Assert.Equal("0700", RegularFile.FactsOf(made)!.Value.Permissions);
        Assert.Equal("0700", RegularFile.FactsOf(Path.GetDirectoryName(made)!)!.Value.Permissions);
    }

    [Fact]
    public void A_folder_that_is_there_is_closed_if_it_is_empty_or_ours_and_only_named_otherwise()
    {
        string[] names = ["empty", "ours", "others", "shared"];
        foreach (var name in names)
            Directory.CreateDirectory(Path.Combine(folder, name));
        File.WriteAllText(Path.Combine(folder, "ours", "run.json"), "");
        File.WriteAllText(Path.Combine(folder, "others", "thesis.txt"), "");
        foreach (var name in names)
            File.SetUnixFileMode(Path.Combine(folder, name), name == "shared" ? Open | UnixFileMode.StickyBit : Open);
        Assert.Equal(
            ["0700", "0700", "0755", "01755"],
            names.Select(
                name => RegularFile.FactsOf(PrivateFiles.CreateFolder(Path.Combine(folder, name), "run.json"))!.Value.Permissions));
        Assert.Contains("chmod 700", PrivateFiles.WhyOpen(Path.Combine(folder, "others")), StringComparison.Ordinal);
        Assert.Null(PrivateFiles.WhyOpen(Path.Combine(folder, "ours")));
    }

    [Fact]
    public void A_file_that_others_could_read_is_closed_when_it_is_used_again()
    {
        var path = Path.Combine(folder, "coordinator.db");
        File.WriteAllText(path, "kept");
        File.SetUnixFileMode(path, Open);
        PrivateFiles.Touch(path);
        PrivateFiles.Touch(Path.Combine(folder, "new"));
        Assert.Equal(
            ("0600", "0600"),
            (RegularFile.FactsOf(path)!.Value.Permissions, RegularFile.FactsOf(Path.Combine(folder, "new"))!.Value.Permissions));
        Assert.Equal("kept", File.ReadAllText(path));
    }
}
