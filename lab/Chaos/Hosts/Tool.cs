using System.ComponentModel;
using System.Diagnostics;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>Programs of the system that scenarios call.</summary>
internal static class Tool
{
    private static readonly string[] AlsoIn = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>Where a program is; null where it is not installed. Those for root are often not on the path.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(AlsoIn)
            .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="ChaosException">It cannot be started, or failed; the message has what it said.</exception>
    public static void Run(string program, params string[] arguments)
    {
        if (WhyFailed(program, arguments) is { } why)
            throw new ChaosException(why);
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Why it failed, with what it said; null where it did not.</returns>
    public static string? WhyFailed(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(Find(program) ?? program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var said = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0
                ? null
                : $"'{program} {string.Join(' ', arguments)}' ended with exit code {process.ExitCode}: {said.Result.Trim()}";
        }
        catch (Win32Exception missing)
        {
            return $"'{program}' cannot be started: {missing.Message}";
        }
    }
}
