using System.Formats.Tar;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Worker.Files;

namespace Coordinator.Tests.Worker;

/// <summary>Folders that are brought to every node.</summary>
[SupportedOSPlatform("linux")]
public sealed class PackedFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("bundle-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void What_is_packed_is_unpacked_with_its_right_to_be_run()
    {
        PackedFolder.Unpack(new MemoryStream(Pack(Source("a"))), Path.Combine(folder, "out"));

        Assert.Equal("#!/bin/sh\n", File.ReadAllText(Path.Combine(folder, "out", "run.sh")));
        Assert.Equal("deep", File.ReadAllText(Path.Combine(folder, "out", "sub", "data.txt")));
        Assert.True(File.GetUnixFileMode(Path.Combine(folder, "out", "run.sh")).HasFlag(UnixFileMode.UserExecute));
        Assert.False(File.GetUnixFileMode(Path.Combine(folder, "out", "sub", "data.txt")).HasFlag(UnixFileMode.UserExecute));
    }

    [Fact]
    public void Equal_contents_are_equal_bytes_whenever_they_were_written()
    {
        var first = Pack(Source("a"));
        var second = Source("b");
        File.SetLastWriteTimeUtc(Path.Combine(second, "run.sh"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));

        Assert.Equal(first, Pack(second));
    }

    /// <summary>A hash that is written down here is the only test that looks over the end of its own process.</summary>
    [Fact]
    public void Another_process_packs_the_same_bytes()
    {
        var source = Source("a");
        var name = new string('n', 120);
        File.WriteAllText(Path.Combine(source, name), "a name that needs a header of its own");

        Assert.Equal("b3f5a2b3ec2201cf", Convert.ToHexStringLower(SHA256.HashData(Pack(source)))[..16]);
    }

    [Fact]
    public void Folders_that_lead_in_a_circle_are_refused_and_not_gone_round()
    {
        var source = Source("a");
        File.CreateSymbolicLink(Path.Combine(source, "sub", "again"), source);

        Assert.Throws<InvalidDataException>(() => Pack(source));
    }

    [Fact]
    public void A_link_is_refused_since_it_points_elsewhere_on_another_host()
    {
        var source = Source("a");
        File.CreateSymbolicLink(Path.Combine(source, "link"), "/etc/passwd");

        Assert.Throws<InvalidDataException>(() => Pack(source));
    }

    [Theory]
    [InlineData("../evil", TarEntryType.RegularFile)]
    [InlineData("/tmp/evil", TarEntryType.RegularFile)]
    [InlineData("link", TarEntryType.SymbolicLink)]
    [InlineData("device", TarEntryType.CharacterDevice)]
    public void What_reaches_out_of_its_folder_is_refused(string name, TarEntryType type)
    {
        var packed = new MemoryStream();
        using (var writer = new TarWriter(packed, TarEntryFormat.Pax, leaveOpen: true))
        {
            var entry = new PaxTarEntry(type, name);
            if (type == TarEntryType.RegularFile)
                entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes("evil"));
            else if (type == TarEntryType.SymbolicLink)
                entry.LinkName = "/etc/passwd";
            writer.WriteEntry(entry);
        }

        packed.Position = 0;
        Assert.Throws<InvalidDataException>(() => PackedFolder.Unpack(packed, Path.Combine(folder, "out")));
    }

    private string Source(string name)
    {
        var source = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.Combine(source, "sub"));
        File.WriteAllText(Path.Combine(source, "run.sh"), "#!/bin/sh\n");
        File.SetUnixFileMode(Path.Combine(source, "run.sh"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(Path.Combine(source, "sub", "data.txt"), "deep");
        return source;
    }

    private static byte[] Pack(string source)
    {
        var packed = new MemoryStream();
        PackedFolder.Pack(PackedFolder.Everything(source), packed);
        return packed.ToArray();
    }
}
