namespace Coordinator.Runs.Processes;

/// <summary>How a child process ended. A signal is told apart from an exit, because a kill is healed and a wrong option is not.</summary>
/// <param name="Pid">Process id that it had.</param>
/// <param name="Code">Exit code as the runtime gives it: 128 + signal after a signal on Unix.</param>
/// <param name="WasReady">Whether it had said that it is ready.</param>
public sealed record ChildExit(int Pid, int Code, bool WasReady)
{
    /// <summary>
    /// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: what a process does to itself, be it by the kernel's hand.
    /// </summary>
    private static readonly int[] OwnFaults = [4, 5, 6, 7, 8, 11, 31];

    /// <summary>What happened, for people: <c>was killed (SIGKILL)</c>, <c>ended with exit code 2</c>.</summary>
    public string Described => Code switch
    {
        137 => "was killed (SIGKILL)",
        143 => "was terminated (SIGTERM)",
        130 => "was interrupted (SIGINT)",
        134 => "aborted (SIGABRT)",
        139 => "crashed (SIGSEGV)",
        > 128 and < 160 => $"was ended by signal {Code - 128}",
        _ => $"ended with exit code {Code}",
    };

    /// <summary>Whether SIGKILL ended it.</summary>
    public bool Killed => Code == 137;

    /// <summary>Whether somebody else ended it, by a signal. A crash is a signal too, and is the process's own doing.</summary>
    public bool WasEndedByOthers => Code is > 128 and < 160 && !OwnFaults.Contains(Code - 128);
}
