using System.Text.Json;
using Coordinator.Configuration;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Worker.Files;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// What a run's directory must say beside its database, so that the run can be resumed: <c>run.json</c>, written before the job is
/// submitted.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="GpusPerWorker">Ranks in each worker.</param>
/// <param name="WorkerArguments">Arguments that name the devices of each worker that runs; one entry for each.</param>
/// <param name="Output">The model file to write, an absolute path.</param>
/// <param name="JobFile">The job as <c>train</c> asked for it, every key with its value; null in a directory of a version that did not note
/// it.</param>
/// <param name="ModelSha256">Hash of the finished model; null while the run is not finished.</param>
public sealed record RunRecord(
    string Job, int GpusPerWorker, IReadOnlyList<IReadOnlyList<string>> WorkerArguments, string Output, string? JobFile = null, string? ModelSha256 = null)
{
    private const string FileName = "run.json";

    // An option of earlier versions, which loaded ILGPU's devices from a file that it named. It is part of the program now.
    private const string FormerLibrary = "--ilgpu";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>The workers as <c>train</c> asked for them, where <c>resume</c> has changed their number; null: those that run.</summary>
    public IReadOnlyList<IReadOnlyList<string>>? AskedWorkers { get; init; }

    /// <summary>The model file that <c>train</c> asked for, where <c>resume</c> has named another; null: <see cref="Output"/>.</summary>
    public string? AskedOutput { get; init; }

    /// <summary>Steps that <c>resume</c> has given the job; null: those of <see cref="JobFile"/>.</summary>
    public long? Steps { get; init; }

    /// <summary>Ranks that <c>resume</c> has given the job; null: those of <see cref="JobFile"/>.</summary>
    public int? Ranks { get; init; }

    /// <summary>Name of the finished model in the silo's store; null: that of a job whose steps were never raised.</summary>
    public string? ModelFile { get; init; }

    /// <summary>The job's id.</summary>
    public JobId JobId => new(Job);

    /// <summary>The job as it was asked for; null where that was not noted.</summary>
    public JobSpec? ReadSpec() => JobFile is null ? null : Coordinator.Configuration.JobFile.Read(FileName, JobFile);

    /// <summary>The job as it runs, with what <c>resume</c> has given it; null where it was not noted.</summary>
    public JobSpec? RunningSpec() => ReadSpec() is { } spec ? ExtensionPolicy.Apply(spec, new ExtendJob(Steps, Ranks)) : null;

    /// <summary>The record of a run that was begun as <c>train</c> asked for it.</summary>
    public RunRecord AsAsked() => this with { WorkerArguments = AskedWorkers ?? WorkerArguments, Output = AskedOutput ?? Output };

    /// <summary>The record of a run that was begun as it runs now.</summary>
    public RunRecord AsRunning() =>
        RunningSpec() is { } spec ? this with { JobFile = Coordinator.Configuration.JobFile.Write(spec) } : this;

    /// <summary>With another model file; what was asked for stays noted, so that the command that began the run is known again.</summary>
    public RunRecord WithOutput(string output) =>
        output == Output ? this : this with { Output = output, AskedOutput = AskedOutput ?? Output };

    /// <summary>With other workers; what was asked for stays noted.</summary>
    public RunRecord WithWorkers(IReadOnlyList<IReadOnlyList<string>> workers) =>
        this with { WorkerArguments = workers, AskedWorkers = AskedWorkers ?? WorkerArguments };

    /// <summary>Writes it, whole or not at all.</summary>
    public void Save(RunDirectory directory)
    {
        using var file = AtomicFile.Create(directory.Path, FileName);
        JsonSerializer.Serialize(file.Stream, this, Json);
        file.Commit(directory.File(FileName));
    }

    /// <summary>Reads it; null where there is none.</summary>
    /// <exception cref="CommandException">There is one that cannot be read.</exception>
    public static RunRecord? Find(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!Path.Exists(path))
            return null;
        try
        {
            using var file = RegularFile.OpenRead(path);
            var record = JsonSerializer.Deserialize<RunRecord>(file, Json) is { WorkerArguments.Count: > 0 } read
                ? read
                : throw new JsonException("it names no workers");
            record.ReadSpec();
            return record with { WorkerArguments = [.. record.WorkerArguments.Select(WithoutFormerLibrary)] };
        }
        catch (Exception wrong) when (wrong is JsonException or IOException or UnauthorizedAccessException or ConfigurationException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"{path} cannot be read: {wrong.Message}",
                "It is written by 'coordinator train'; restore it from a backup.");
        }
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="CommandException">The directory is not there, or is none of a run.</exception>
    public static RunRecord Load(string directory) => Find(directory) ?? throw new CommandException(
        ExitCodes.NotFound,
        $"There is no {Path.Combine(directory, FileName)}.",
        "Name the directory of a run of 'coordinator train': its --work-dir, or the one that it printed when it was ended.");

    private static IReadOnlyList<string> WithoutFormerLibrary(IReadOnlyList<string> arguments) =>
        [.. arguments.Where((argument, at) => argument != FormerLibrary && (at == 0 || arguments[at - 1] != FormerLibrary))];
}
