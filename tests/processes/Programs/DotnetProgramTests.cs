using System.Globalization;
using System.Security.Cryptography;
using Coordinator.Runs.Outcomes;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Programs;

/// <summary><c>train --program my.dll</c> with real processes.</summary>
public sealed class DotnetProgramTests(DotnetPrograms programs) : IClassFixture<DotnetPrograms>, IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly string directory = Directory.CreateTempSubdirectory("own-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_network_in_CSharp_is_one_file_for_one_two_and_four_ranks_where_a_worker_is_killed_and_where_all_are_and_resumed()
    {
        await TrainAsync("one", "--workers", "1");
        await TrainAsync("four", "--workers", "2", "--gpus-per-worker", "2");
        await TrainKillingAsync("two", "--workers", "2");

        await TrainResumedAsync("resumed");

        Assert.Equal(Hash("one"), Hash("four"));
        Assert.Equal(Hash("one"), Hash("two"));
        Assert.Equal(Hash("one"), Hash("resumed"));
        await TrainAsync("wider", "--workers", "1", "--settings.hidden=5");
        Assert.NotEqual(Hash("one"), Hash("wider"));

        Task TrainAsync(string name, params string[] more) => RunAsync(name, [.. Job, .. more]);
    }

    [Fact]
    public async Task A_kernel_of_ones_own_is_one_file_for_one_and_for_two_ranks()
    {
        string[] job = ["--program", programs.MlpIlgpu, "--data", programs.Table, "--device", "ilgpu:cpu", "--settings.hidden=2",
            "--steps", "4", "--training.batch_size=4", "--seed", "7"];
        await RunAsync("one", [.. job, "--workers", "1"]);
        await RunAsync("two", [.. job, "--workers", "2"]);

        Assert.Equal(Hash("one"), Hash("two"));
    }

    [Theory]
    [InlineData("Mlp: settings.hidden is '0' but must be a whole number, 1 to 4096.", "--settings.hidden=0")]
    [InlineData("Mlp: settings.hiden is no setting of this program; it has settings.hidden.", "--settings.hiden=8")]
    public async Task What_the_program_cannot_take_is_said_before_anything_is_started(string said, string wrong)
    {
        using var train = new Executable([.. "train --program".Split(' '), programs.Mlp, "--data", programs.Table, wrong, "--out",
            Of("never")]);

        Assert.Equal(ExitCodes.Usage, await train.EndAsync(Limit));
        Assert.Contains($"error: {said}", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_table_it_does_not_begin()
    {
        using var train = new Executable("train", "--program", programs.Mlp, "--out", Of("never"));

        Assert.Equal(ExitCodes.Usage, await train.EndAsync(Limit));
        Assert.Contains("error: Mlp: the program reads rows of a table, and the job's data are none; name a .csv or .tsv file of numbers "
            + "with --data.", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_searches_it_in_two_processes_and_finds_nothing()
    {
        using var verify = new Executable("verify", programs.Mlp, "--data", programs.Table);

        Assert.True(await verify.EndAsync(Limit) == ExitCodes.Success, verify.Output);
        Assert.Contains("  a second process", verify.Output, StringComparison.Ordinal);
        Assert.Contains("nothing differed: this searches and does not prove", verify.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_not_empty_is_left_as_it_is()
    {
        await File.WriteAllTextAsync(Of("mine"), "mine");
        using var made = new Executable("new", "program", directory, "--lang", "python");

        Assert.Equal(ExitCodes.Usage, await made.EndAsync(Limit));
        Assert.Equal($"error: {directory} is there already, and not an empty folder.\nName another folder; nothing was changed in this "
            + $"one.\n", made.Output);
        Assert.Equal(["mine"], Directory.GetFileSystemEntries(directory).Select(Path.GetFileName));
    }

    private string[] Job => ["--program", programs.Mlp, "--data", programs.Table, "--steps", "1500", "--seed", "7",
        "--training.batch_size=32", "--optimizer.learning_rate=0.01"];

    private async Task RunAsync(string name, string[] arguments)
    {
        using var train = new Executable(["train", "--out", Of(name), .. arguments]);
        Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
    }

    /// <summary>SIGKILL to one of the two workers once it has trained; it comes back, and the job goes on meanwhile.</summary>
    private async Task TrainKillingAsync(string name, params string[] more)
    {
        using var train = new Executable(["train", "--out", Of(name), "--work-dir", Of("run"), .. Job, .. more]);
        await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
        Executable.Send("KILL", Worker());
        Assert.True(await train.EndAsync(Limit) == ExitCodes.Success, train.Output);
        Assert.DoesNotContain(" 0 failures healed", train.Output, StringComparison.Ordinal);
    }

    /// <summary>SIGKILL to the command, with which its silo and its workers end; the run goes on with fewer workers.</summary>
    private async Task TrainResumedAsync(string name)
    {
        var run = Of("run-all");
        using (var train = new Executable(["train", "--out", Of(name), "--work-dir", run, .. Job, "--workers", "2"]))
        {
            await train.LineAsync(line => line.Contains("have applied step 1", StringComparison.Ordinal), "the first step", Limit);
            train.Kill();
            await train.EndAsync(Limit);
        }

        Assert.False(File.Exists(Of(name)));
        using var resume = new Executable("resume", run, "--workers", "1");
        Assert.True(await resume.EndAsync(Limit) == ExitCodes.Success, resume.Output);
    }

    private int Worker() => Directory.GetDirectories("/proc").Select(Path.GetFileName)
        .Where(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        .Where(name => CommandOf(name!) is var command && command.Contains("\0worker\0", StringComparison.Ordinal)
            && command.Contains(Of("run"), StringComparison.Ordinal))
        .Select(name => int.Parse(name!, CultureInfo.InvariantCulture)).First();

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private string Of(string name) => Path.Combine(directory, name);

    private string Hash(string name) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Of(name))));
}
