using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Bench;

/// <summary>Real programs that gangs are tried with: a shell script, one in C and one in PyTorch, each used where its tools are.</summary>
internal static class GangsPrograms
{
    private const string Python = "/usr/bin/python3";

    /// <summary>Debian's PyTorch takes its slowest BLAS unless this one is put first.</summary>
    private const string FastBlas = "/usr/lib/x86_64-linux-gnu/openblas-openmp";

    /// <summary>Their names.</summary>
    public static readonly IReadOnlyList<string> All = ["sh", "c", "ddp"];

    /// <summary>The command of a program; null: what it needs is not here.</summary>
    public static string[]? Command(string program, string folder)
    {
        switch (program)
        {
            case "sh":
                return ["sh", Source("counter.sh")];
            case "c":
                var built = Path.Combine(folder, "ring");
                return Succeeds("cc", "-O1", "-o", built, Source("ring.c")) ? [built] : null;
            default:
                return Succeeds(Python, "-c", "import torch.distributed") ? [Python, Source("ddp.py")] : null;
        }
    }

    /// <summary>What a program is told. Peers that load PyTorch are told the same.</summary>
    public static Dictionary<string, string> Environment(string shared, int steps, bool hasNetworks)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["GANG_FOLDER"] = shared,
            ["GANG_STEPS"] = steps.ToString(CultureInfo.InvariantCulture),
            ["LD_LIBRARY_PATH"] = FastBlas,
            ["OMP_NUM_THREADS"] = "1",
        };
        if (hasNetworks)
            environment["GLOO_SOCKET_IFNAME"] = "eth0";
        return environment;
    }

    private static string Source(string name) => Path.Combine(AppContext.BaseDirectory, "gangs", name);

    private static bool Succeeds(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
