using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;

namespace Coordinator.Cli.Workers;

/// <summary>
/// The command and the environment of a job's own program. What decides bits and can be set from outside is set here, alike on every node:
/// nothing may choose by timing, and hashes of strings may not differ between processes.
/// </summary>
internal static class ProgramStart
{
    private const string PythonPath = "PYTHONPATH";

    private static readonly string[] ThreadVariables =
    [
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "COORDINATOR_THREADS",
    ];

    /// <summary>How a rank's process is started.</summary>
    /// <param name="job">The job.</param>
    /// <param name="spec">Its spec.</param>
    /// <param name="own">Its program.</param>
    /// <param name="folder">The unpacked program.</param>
    /// <param name="data">Where the program finds the job's frozen data; null: the job has none.</param>
    /// <param name="launcher">Starts it.</param>
    /// <param name="log">Where its output goes.</param>
    public static ProgramLaunch Of(
        JobId job, JobSpec spec, ProgramSpec own, string folder, string? data, ProgramLauncher launcher, RankLogOptions log)
    {
        var entry = Path.Combine(folder, own.Entry);
        var arguments = own.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var variables = new Dictionary<string, string>
        {
            ["COORDINATOR_JOB"] = job.Value,
            ["COORDINATOR_SEED"] = spec.Training.Seed.ToString(CultureInfo.InvariantCulture),
            ["OMP_DYNAMIC"] = "FALSE",
            ["MKL_DYNAMIC"] = "FALSE",
            ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8",
            ["NVIDIA_TF32_OVERRIDE"] = "0",
            ["PYTHONHASHSEED"] = "0",
            ["PYTHONDONTWRITEBYTECODE"] = "1",
            ["PYTHONUNBUFFERED"] = "1",
            [PythonPath] = string.Join(':', new[]
            {
                Environment.GetEnvironmentVariable(PythonPath), Path.Combine(AppContext.BaseDirectory, "sdk", "python"),
            }.Where(path => !string.IsNullOrEmpty(path))),
        };
        foreach (var name in ThreadVariables)
            variables[name] = own.Threads.ToString(CultureInfo.InvariantCulture);
        if (own.AllowNondeterminism)
            variables["COORDINATOR_NONDETERMINISM"] = "1";
        if (data is not null)
            variables["COORDINATOR_DATA"] = data;
        return new ProgramLaunch
        {
            Launcher = launcher,
            Command = Path.GetExtension(own.Entry) == ".py"
                ? [own.Python, "-m", "coordinator.run", entry, .. arguments]
                : [entry, .. arguments],
            Folder = folder,
            Variables = variables,
            Log = log,
        };
    }
}
