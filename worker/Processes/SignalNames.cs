namespace Coordinator.Worker.Processes;

/// <summary>Names of Linux's signals, which have the same numbers on every architecture that .NET runs on.</summary>
public static class SignalNames
{
    private static readonly string[] Names =
    [
        "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
        "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
        "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
    ];

    /// <summary>A signal as people know it, such as <c>signal 9 (SIGKILL)</c>.</summary>
    public static string Describe(int signal) =>
        signal > 0 && signal < Names.Length ? $"signal {signal} ({Names[signal]})" : $"signal {signal}";
}
