using System.ComponentModel;
using System.Diagnostics;
using Coordinator.Machines.Jobs;
using Coordinator.Worker;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>Interpreters of this machine, and programs that tests start with them.</summary>
internal static class PythonPrograms
{
    private static readonly string[] Candidates = ["python3", "/usr/bin/python3"];
    private static readonly Lazy<string?> PlainPython = new(
        () => Candidates.FirstOrDefault(python => Runs(python, "import sys; sys.exit(sys.version_info < (3, 9))")));
    private static readonly Lazy<string?> TorchPython = new(() => Candidates.FirstOrDefault(python => Runs(python, "import torch")));

    private static readonly Lazy<ProgramLauncher> SharedLauncher = new(
        () => new ProgramLauncher(new ProgramPolicy { Allowed = true }, "tests of programs", 1, new SilentLog()));
    private static readonly string Logs = Path.Combine(Path.GetTempPath(), $"coordinator-tests-{Environment.ProcessId}");
    private static int started;

    /// <summary>The repository that these tests were built from.</summary>
    public static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "Coordinator.sln")))
                folder = folder.Parent ?? throw new InvalidOperationException($"No Coordinator.sln above {AppContext.BaseDirectory}.");
            return folder.FullName;
        }
    }

    /// <summary>An interpreter that has PyTorch.</summary>
    public static string Torch => TorchPython.Value!;

    /// <summary>The client without PyTorch.</summary>
    public static string PlainScript => Path.Combine(AppContext.BaseDirectory, "Programs", "plain_program.py");

    /// <summary>The client without PyTorch as a file that runs by itself, in a folder of its own.</summary>
    public static string MakePlain(string folder)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "plain")).FullName, "plain");
        File.WriteAllText(path, $"#!/usr/bin/env {PlainPython.Value}\n{File.ReadAllText(PlainScript)}");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>Why a test that needs Python, or PyTorch, cannot run here; null where it can.</summary>
    public static string? WhyNone(bool torch) =>
        torch ? TorchPython.Value is null ? "no python3 here has PyTorch (Debian: apt-get install python3-torch)" : null
        : PlainPython.Value is null ? "there is no Python 3.9 or newer here (Debian: apt-get install python3)" : null;

    /// <summary>A job of the client without PyTorch.</summary>
    public static JobSpec PlainJob(Func<ProgramSpec, ProgramSpec>? with = null) => new()
    {
        Model = new ModelSpec { Program = "process" },
        Program = (with ?? (program => program))(
            new ProgramSpec { Entry = "plain_program.py", WarmUpShards = 1, HangTimeout = TimeSpan.FromMinutes(2) }),
        Training = new TrainingSpec { Steps = 10, BatchSize = 8, Shards = 4 },
    };

    /// <summary>How it is started.</summary>
    public static ProgramLaunch Plain(params string[] arguments) => new()
    {
        Command = [PlainPython.Value!, PlainScript, .. arguments],
        Folder = Path.GetDirectoryName(PlainScript)!,
        Variables = new Dictionary<string, string>(),
        Launcher = SharedLauncher.Value,
        Log = new RankLogOptions(Logs, $"program-{Interlocked.Increment(ref started)}"),
    };

    /// <summary>How a script in PyTorch is started, with one thread.</summary>
    public static ProgramLaunch TorchScript(string script) => new()
    {
        Command = [Torch, "-W", "ignore", "-m", "coordinator.run", script],
        Folder = Path.GetDirectoryName(script)!,
        Variables = new Dictionary<string, string>
        {
            ["PYTHONPATH"] = Path.Combine(Repository, "sdk", "python"),
            ["PYTHONDONTWRITEBYTECODE"] = "1",
            ["OMP_NUM_THREADS"] = "1",
            ["OPENBLAS_NUM_THREADS"] = "1",
        },
        Launcher = SharedLauncher.Value,
        Log = new RankLogOptions(Logs, $"program-{Interlocked.Increment(ref started)}"),
    };

    private static bool Runs(string python, string code)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(python, ["-c", code]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            return process.WaitForExit(TimeSpan.FromMinutes(5)) && process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
