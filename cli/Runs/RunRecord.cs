using System.Text.Json;
using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Worker.Files;

namespace Coordinator.Cli.Runs;

/// <summary>What a run's directory must say beside its database, so that the run can be resumed: <c>run.json</c>, written before the job is submitted.</summary>
/// <param name="Job">The job.</param>
/// <param name="GpusPerWorker">Ranks in each worker.</param>
/// <param name="WorkerArguments">Arguments that name each worker's devices; one entry for each worker.</param>
/// <param name="Output">The model file to write, an absolute path.</param>
public sealed record RunRecord(string Job, int GpusPerWorker, IReadOnlyList<IReadOnlyList<string>> WorkerArguments, string Output)
{
    private const string FileName = "run.json";

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    /// <summary>The job's id.</summary>
    public JobId JobId => new(Job);

    /// <summary>Writes it, whole or not at all.</summary>
    public void Save(RunDirectory directory)
    {
        using var file = AtomicFile.Create(directory.Path, FileName);
        JsonSerializer.Serialize(file.Stream, this, s_json);
        file.Commit(directory.File(FileName));
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="CommandException">The directory is not there, or is none of a run.</exception>
    public static RunRecord Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            throw new CommandException(ExitCodes.NotFound, $"There is no {path}.", "Name the directory of a run of 'coordinator train': its --work-dir, or the one that it printed when it was ended.");
        try
        {
            using var file = File.OpenRead(path);
            return JsonSerializer.Deserialize<RunRecord>(file, s_json) is { WorkerArguments.Count: > 0 } record ? record : throw new JsonException("it names no workers");
        }
        catch (Exception wrong) when (wrong is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, $"{path} cannot be read: {wrong.Message}", "It is written by 'coordinator train'; restore it from a backup.");
        }
    }
}
