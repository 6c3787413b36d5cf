using System.Formats.Tar;
using System.Runtime.Versioning;
using System.Text;
using Coordinator.Worker.Gangs;

namespace Coordinator.Tests.Worker.Gangs;

/// <summary>Folders that are brought to every node.</summary>
[SupportedOSPlatform("linux")]
public sealed class BundleTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("bundle-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task What_is_packed_is_unpacked_with_its_right_to_be_run()
    {
        var packed = await PackAsync(Source("a"));
        await Bundle.UnpackAsync(new MemoryStream(packed), Path.Combine(folder, "out"), user: null, CancellationToken.None);

        Assert.Equal("#!/bin/sh\n", File.ReadAllText(Path.Combine(folder, "out", "run.sh")));
        Assert.Equal("deep", File.ReadAllText(Path.Combine(folder, "out", "sub", "data.txt")));
        Assert.True(File.GetUnixFileMode(Path.Combine(folder, "out", "run.sh")).HasFlag(UnixFileMode.UserExecute));
        Assert.False(File.GetUnixFileMode(Path.Combine(folder, "out", "sub", "data.txt")).HasFlag(UnixFileMode.UserExecute));
    }

    [Fact]
    public async Task Equal_contents_are_equal_bytes_whenever_they_were_written()
    {
        var first = await PackAsync(Source("a"));
        var second = Source("b");
        File.SetLastWriteTimeUtc(Path.Combine(second, "run.sh"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));

        Assert.Equal(first, await PackAsync(second));
    }

    [Fact]
    public async Task A_link_is_refused_since_it_points_elsewhere_on_another_host()
    {
        var source = Source("a");
        File.CreateSymbolicLink(Path.Combine(source, "link"), "/etc/passwd");

        await Assert.ThrowsAsync<InvalidDataException>(() => PackAsync(source));
    }

    [Theory]
    [InlineData("../evil", TarEntryType.RegularFile)]
    [InlineData("/tmp/evil", TarEntryType.RegularFile)]
    [InlineData("link", TarEntryType.SymbolicLink)]
    [InlineData("device", TarEntryType.CharacterDevice)]
    public async Task A_bundle_that_reaches_out_of_its_folder_is_refused(string name, TarEntryType type)
    {
        var packed = new MemoryStream();
        await using (var writer = new TarWriter(packed, TarEntryFormat.Pax, leaveOpen: true))
        {
            var entry = new PaxTarEntry(type, name);
            if (type == TarEntryType.RegularFile)
                entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes("evil"));
            else if (type == TarEntryType.SymbolicLink)
                entry.LinkName = "/etc/passwd";
            await writer.WriteEntryAsync(entry);
        }

        packed.Position = 0;
        await Assert.ThrowsAsync<InvalidDataException>(
            () => Bundle.UnpackAsync(packed, Path.Combine(folder, "out"), user: null, CancellationToken.None));
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

    private static async Task<byte[]> PackAsync(string source)
    {
        var packed = new MemoryStream();
        await Bundle.PackAsync(source, packed, CancellationToken.None);
        return packed.ToArray();
    }
}
