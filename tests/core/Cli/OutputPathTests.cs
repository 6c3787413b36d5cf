using System.Diagnostics;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Runs.Processes;
using Coordinator.Server.Files;

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
        await ToolAsync("mkfifo", Of("pipe"));
        var read = Task.Run(() => File.ReadAllText(Of("pipe")));

        await OutputPath.Look("--out", Of("pipe")).WriteAsync("through", CancellationToken.None).WaitAsync(Limit);

        Assert.Equal("through", await read.WaitAsync(Limit));
        Assert.Equal(FileKind.Pipe, FileKinds.Of(Of("pipe")));
    }

    [Fact]
    public async Task A_pipe_that_nobody_reads_can_be_left()
    {
        await ToolAsync("mkfifo", Of("pipe"));
        using var leave = new CancellationTokenSource();
        var writing = OutputPath.Look("--out", Of("pipe")).WriteAsync("through", leave.Token);
        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Limit));

        // So that the thread that waits for a reader ends.
        await using var reader = new FileStream(Of("pipe"), FileMode.Open, FileAccess.ReadWrite);
    }

    [Fact]
    public async Task Into_a_device_the_bytes_go_through_and_it_stays_a_device()
    {
        // One of this test's own: where this test fails, the machine's /dev/null must not be what is replaced.
        if (!Environment.IsPrivilegedProcess || await ToolAsync("mknod", Of("null"), "c", "1", "3") != 0)
            return;

        await OutputPath.Look("--out", Of("null")).WriteAsync("away", CancellationToken.None);

        Assert.Equal(FileKind.CharacterDevice, FileKinds.Of(Of("null")));
    }

    [Fact]
    public void A_name_as_long_as_names_may_be_leaves_room_for_the_partial_file()
    {
        var partial = OutputPath.Look("--out", Of(new string('x', PathText.MostNameBytes))).CreatePartialName();

        Assert.True(Path.GetFileName(partial).Length <= PathText.MostNameBytes, partial);
    }

    [Fact]
    public async Task Standard_output_takes_the_bytes_alone_and_every_word_goes_to_standard_error()
    {
        var command = OwnExecutable.Command(["train", "--model.program=linear", "--steps", "5", "--workers", "1", "--out", "/dev/stdout"]);
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using var train = Process.Start(command)!;
        using var bytes = new MemoryStream();
        var words = train.StandardError.ReadToEndAsync();
        await train.StandardOutput.BaseStream.CopyToAsync(bytes).WaitAsync(Limit);
        await train.WaitForExitAsync().WaitAsync(Limit);

        var sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes.ToArray()));
        Assert.True(train.ExitCode == ExitCodes.Success, await words);
        Assert.Contains($"{sha256}  /dev/stdout", await words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_output_that_nobody_reads_any_more_is_an_error_where_it_is_the_model()
    {
        var command = OwnExecutable.Command(["train", "--model.program=linear", "--steps", "5", "--workers", "1", "--work-dir", Of("run"), "--out", "/dev/stdout"]);
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using var train = Process.Start(command)!;
        var words = train.StandardError.ReadToEndAsync();
        train.StandardOutput.Close();
        await train.WaitForExitAsync().WaitAsync(Limit);

        Assert.True(train.ExitCode == ExitCodes.RunFailed, await words);
        Assert.Contains("The model cannot be written to /dev/stdout", await words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_its_user_may_not_write_is_refused_before_anything_is_done()
    {
        if (OperatingSystem.IsWindows())
            return;
        Directory.CreateDirectory(Of("closed"));
        File.SetUnixFileMode(Of("closed"), UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        File.SetUnixFileMode(directory, (UnixFileMode)0b111_101_101);
        var command = OwnExecutable.Command(["simulate", "cluster", "--days", "0.1", "--csv", Of("closed/table.csv")]);
        if (Environment.IsPrivilegedProcess)
        {
            // Root may write anywhere.
            var (program, arguments) = (command.FileName, command.ArgumentList.ToArray());
            command = new ProcessStartInfo("setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", program, .. arguments]);
        }

        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using var simulate = Process.Start(command)!;
        var said = await simulate.StandardError.ReadToEndAsync().WaitAsync(Limit);
        await simulate.WaitForExitAsync().WaitAsync(Limit);

        Assert.Equal(ExitCodes.Usage, simulate.ExitCode);
        Assert.StartsWith($"error: --csv cannot use the folder {Of("closed")}: ", said, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Of("closed")));
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

    private string[] Links() => [.. Directory.GetFileSystemEntries(directory).Select(path => $"{path} {new FileInfo(path).LinkTarget}").Where(line => line.Contains("link", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static async Task<int> ToolAsync(string program, params string[] arguments)
    {
        using var tool = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await tool.WaitForExitAsync().WaitAsync(Limit);
        return tool.ExitCode;
    }
}
