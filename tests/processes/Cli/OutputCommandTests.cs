using System.Diagnostics;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Runs.Processes;
using Coordinator.Server.Files;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>What only a process shows of a command's file: its standard streams, and a user who may not write.</summary>
public sealed class OutputCommandTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string directory = Directory.CreateTempSubdirectory("output-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

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
        var command = OwnExecutable.Command(
            ["train", "--model.program=linear", "--steps", "5", "--workers", "1", "--work-dir", Of("run"), "--out", "/dev/stdout"]);
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
        File.SetUnixFileMode(
            Of("closed"), UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        File.SetUnixFileMode(directory, (UnixFileMode)0b111_101_101);
        var command = OwnExecutable.Command(["simulate", "cluster", "--days", "0.1", "--csv", Of("closed/table.csv")]);
        if (Environment.IsPrivilegedProcess)
        {
            // Root may write anywhere.
            var (program, arguments) = (command.FileName, command.ArgumentList.ToArray());
            command = new ProcessStartInfo(
                "setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", program, .. arguments]);
        }

        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using var simulate = Process.Start(command)!;
        var said = await simulate.StandardError.ReadToEndAsync().WaitAsync(Limit);
        await simulate.WaitForExitAsync().WaitAsync(Limit);

        Assert.Equal(ExitCodes.Usage, simulate.ExitCode);
        Assert.StartsWith($"error: --csv cannot use the folder {Of("closed")}: ", said, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Of("closed")));
    }

    private string Of(string name) => Path.Combine(directory, name);

    private static async Task<int> ToolAsync(string program, params string[] arguments)
    {
        using var tool = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await tool.WaitForExitAsync().WaitAsync(Limit);
        return tool.ExitCode;
    }
}
