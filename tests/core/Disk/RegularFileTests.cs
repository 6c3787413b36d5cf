using System.IO.Pipes;
using System.Text;
using Coordinator.Disk;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Disk;

/// <summary>Nothing but a file is opened as a file, and no opening waits.</summary>
public sealed class RegularFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-disk-").FullName;

    private string Place => Path.Combine(folder, "place");

    public static TheoryData<string> Kinds => SpecialFiles.Kinds;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_no_file_is_refused_at_once(string kind)
    {
        SpecialFiles.Put(Place, kind);
        Assert.StartsWith(
            Place, Assert.Throws<NotARegularFileException>(() => RegularFile.OpenHandle(Place)).Message, StringComparison.Ordinal);
        Assert.Throws<NotARegularFileException>(() => RegularFile.OpenNamed(Place));
    }

    [Fact]
    public void A_file_is_read_also_through_a_link_and_nothing_is_what_it_is()
    {
        File.WriteAllText(Place, "here");
        File.CreateSymbolicLink(Place + "-link", Place);
        Assert.Equal("here", RegularFile.ReadAllText(Place + "-link", 100));
        Assert.Throws<IOException>(() => RegularFile.ReadAllText(Place, 3));
        Assert.Throws<FileNotFoundException>(() => RegularFile.OpenHandle(Place + "-none"));
        Assert.Throws<DirectoryNotFoundException>(() => RegularFile.OpenHandle(Path.Combine(folder, "none", "none")));
        Assert.Throws<DirectoryNotFoundException>(() => RegularFile.OpenHandle(Path.Combine(Place, "below")));
    }

    [Fact]
    public void A_pipe_of_the_shells_is_read_to_its_end()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        var path = $"/dev/fd/{pipe.GetClientHandleAsString()}";
        pipe.Write(Encoding.UTF8.GetBytes("through a pipe"));
        pipe.Dispose();
        Assert.Equal("through a pipe", RegularFile.ReadNamedText(path, 100));
    }

    [Fact]
    public void Whoever_writes_to_a_file_is_seen_also_if_its_time_is_set_back()
    {
        File.WriteAllText(Place, "aaaa");
        var (before, time) = (RegularFile.FactsOf(Place), File.GetLastWriteTimeUtc(Place));
        Assert.Equal(before, RegularFile.FactsOf(Place));
        File.WriteAllText(Place, "aaba");
        File.SetLastWriteTimeUtc(Place, time);
        Assert.NotEqual(before, RegularFile.FactsOf(Place));
    }
}
