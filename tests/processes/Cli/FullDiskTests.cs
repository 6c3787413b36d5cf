using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// Commands that may make no file of any size. The shell's limit stands in for a full disk, which nobody but root can make; it is also a
/// case of its own, since .NET reports it as a wrong argument.
/// </summary>
public sealed class FullDiskTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    // The runtime's own files in memory count, too, unless it makes none.
    private static readonly string[] Limited =
        ["sh", "-c", "trap '' XFSZ; ulimit -f 1; export DOTNET_EnableWriteXorExecute=0; exec \"$0\" \"$@\""];

    private readonly string directory = Directory.CreateTempSubdirectory("full-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Data_that_find_no_room_are_refused_with_what_to_do_and_nothing_is_left_of_them()
    {
        var work = Path.Combine(directory, "work");
        var data = Path.ChangeExtension(typeof(FullDiskTests).Assembly.Location, ".xml");
        using var train = new Executable(
            Limited, "train", "--data", data, "--work-dir", work, "--out", Path.Combine(directory, "model"));

        Assert.True(await train.EndAsync(Limit) == ExitCodes.Usage, train.Output);
        Assert.Equal(
            $"error: {Path.Combine(work, "data")}: cannot store data here (the file would be larger than this user, or the file system, "
                + "may make one); free space, or make the directory writable",
            train.Output.TrimEnd().Split('\n')[^1]);
        Assert.Empty(Directory.GetFiles(Path.Combine(work, "data")));
        Assert.False(File.Exists(Path.Combine(directory, "model")));
    }
}
