namespace Coordinator.Worker.Processes;

/// <summary>
/// The environment of a program: of the worker's own only what is on a list of names that programs need to find their libraries, caches and
/// devices. The worker's tokens, keys and addresses are on no list, and an operator cannot put them there.
/// </summary>
public static class ProgramEnvironment
{
    /// <summary>Prefix of the coordinator's own variables, of which none is inherited.</summary>
    public const string Own = "COORDINATOR_";

    private static readonly string[] Usual =
    [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR", "LD_LIBRARY_PATH", "LIBRARY_PATH",
        "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_*", "XDG_CACHE_HOME", "DOTNET_ROOT", "JAVA_HOME",
        "CUDA_*", "NVIDIA_*", "ROCM_*", "HIP_*", "ROCR_*", "ONEAPI_*", "ZE_*", "NCCL_*", "RCCL_*", "GLOO_*", "UCX_*", "FI_*", "TORCH_*",
        "PYTORCH_*", "TRITON_*",
        "OMP_*", "MKL_*", "OPENBLAS_*", "GOTO_*", "KMP_*", "MALLOC_*", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_CACHE",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_NNODES", "SLURM_NODEID", "SLURM_JOB_PARTITION",
        "SLURM_RESTART_COUNT",
    ];

    /// <summary>What of <paramref name="worker"/> a program inherits, with <paramref name="given"/> over it.</summary>
    /// <param name="worker">The worker's environment.</param>
    /// <param name="policy">The operator's further names, and the user whose home it is.</param>
    /// <param name="given">What the job and its launcher set.</param>
    public static Dictionary<string, string> Of(
        IEnumerable<KeyValuePair<string, string>> worker, ProgramPolicy policy, IEnumerable<KeyValuePair<string, string>> given)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in worker)
        {
            if (!name.StartsWith(Own, StringComparison.Ordinal)
                && Usual.Concat(policy.MoreVariables).Any(pattern => Matches(pattern, name)))
            {
                environment[name] = value;
            }
        }

        if (policy.User is { } user)
            (environment["USER"], environment["LOGNAME"], environment["HOME"]) = (user.Name, user.Name, user.Home);
        environment.TryAdd("PATH", "/usr/local/bin:/usr/bin:/bin");
        foreach (var (name, value) in given)
            environment[name] = value;
        return environment;
    }

    /// <summary>The environment of this process.</summary>
    public static IEnumerable<KeyValuePair<string, string>> OfThisProcess() =>
        Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().Select(
            pair => KeyValuePair.Create((string)pair.Key, (string?)pair.Value ?? ""));

    private static bool Matches(string pattern, string name) =>
        pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern;
}
