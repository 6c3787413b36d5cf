using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Server.Files;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Cli;

/// <summary>Where a command's file goes: whole or not at all, through links and into pipes and devices, which are never replaced.</summary>
public sealed class OutputPathTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string directory = Directory.CreateTempSubdirectory("output-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("target")]
    [InlineData("link")]
    [InlineData("link-to-link")]
    [InlineData("new")]
    [InlineData("link-to-nothing")]
    [InlineData("folder/that/is/missing/file")]
    public async Task A_file_is_replaced_or_made_and_links_stay(string name)
    {
        await File.WriteAllTextAsync(Of("target"), "old and longer than the new content");
        File.CreateSymbolicLink(Of("link"), "target");
        File.CreateSymbolicLink(Of("link-to-link"), Of("link"));
        File.CreateSymbolicLink(Of("link-to-nothing"), "nothing");
        var links = Links();

        await OutputPath.Look("--out", Of(name)).WriteAsync("new", CancellationToken.None);

        Assert.Equal("new", await File.ReadAllTextAsync(Of(name)));
        Assert.Equal(links, Links());
        Assert.Empty(Directory.GetFiles(directory, "*.part", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Into_a_pipe_the_bytes_go_through_and_it_stays_a_pipe()
    {
        SpecialFiles.MakePipe(Of("pipe"));
        var read = Task.Run(() => File.ReadAllText(Of("pipe")));

        await OutputPath.Look("--out", Of("pipe")).WriteAsync("through", CancellationToken.None).WaitAsync(Limit);

        Assert.Equal("through", await read.WaitAsync(Limit));
        Assert.Equal(FileKind.Pipe, FileKinds.Of(Of("pipe")));
    }

    [Fact]
    public async Task A_pipe_that_nobody_reads_can_be_left()
    {
        SpecialFiles.MakePipe(Of("pipe"));
        using var leave = new CancellationTokenSource();
        var writing = OutputPath.Look("--out", Of("pipe")).WriteAsync("through", leave.Token);
        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Limit));

        // So that the thread that waits for a reader ends.
        await using var reader = new FileStream(Of("pipe"), FileMode.Open, FileAccess.ReadWrite);
    }

    [Fact]
    public void A_name_as_long_as_names_may_be_leaves_room_for_the_partial_file()
    {
        var partial = OutputPath.Look("--out", Of(new string('x', PathText.MostNameBytes))).CreatePartialName();

        Assert.True(Path.GetFileName(partial).Length <= PathText.MostNameBytes, partial);
    }

    [Fact]
    public void What_is_put_in_the_way_meanwhile_is_not_overrun()
    {
        var output = OutputPath.Look("--out", Of("file"));
        Directory.CreateDirectory(Of("file"));

        var failed = Assert.Throws<CommandException>(() => output.WriteAsync("new", CancellationToken.None).GetAwaiter().GetResult());

        Assert.Equal(ExitCodes.RunFailed, failed.ExitCode);
        Assert.True(Directory.Exists(Of("file")));
    }

    private string Of(string name) => Path.Combine(directory, name);

    private string[] Links() => [.. Directory.GetFileSystemEntries(directory).Select(path => $"{path} {new FileInfo(path).LinkTarget}")
        .Where(line => line.Contains("link", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}
