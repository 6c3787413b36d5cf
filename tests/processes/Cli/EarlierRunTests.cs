using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Cli;

/// <summary>
/// A run that the last build with the embedded engine began goes on under this one. Its directory was made by that build's
/// <c>train --steps 1200 --workers 2 --checkpoint.interval=200</c>, killed with all its processes after the checkpoint of step 400, while
/// 448 steps were recorded.
/// Logs, locks and token were left out, SQLite's log was taken into the database, and <c>OUT</c> stands for the model's path.
/// </summary>
public sealed class EarlierRunTests : IDisposable
{
    /// <summary>What that build wrote for the same job, undisturbed.</summary>
    private const string Undisturbed = "1197cb3c4c2dcbce4eb8ee7247f33f690cdd2a153d6f3fda2962621a65760479";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private readonly string directory = Directory.CreateTempSubdirectory("earlier-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_run_of_the_embedded_engine_that_was_killed_is_resumed_to_the_undisturbed_file()
    {
        var (run, model) = (Path.Combine(directory, "run"), Path.Combine(directory, "model"));
        Directory.CreateDirectory(run);
        await using (var packed = new GZipStream(
            File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Cli", "Runs", "embedded-engine.tar.gz")), CompressionMode.Decompress))
        {
            await TarFile.ExtractToDirectoryAsync(packed, run, overwriteFiles: false);
        }
        var record = Path.Combine(run, "run.json");
        await File.WriteAllTextAsync(
            record, (await File.ReadAllTextAsync(record)).Replace("\"OUT\"", $"\"{model}\"", StringComparison.Ordinal));

        using var resume = new Executable("resume", run);
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
        Assert.Contains("as incarnation 2", resume.Output, StringComparison.Ordinal);
        Assert.Contains("back to the checkpoint of step 400", resume.Output, StringComparison.Ordinal);
        Assert.Equal(Undisturbed, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(model))));
    }
}
