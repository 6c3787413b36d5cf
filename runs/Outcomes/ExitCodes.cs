namespace Coordinator.Runs.Outcomes;

/// <summary>What the process says to its caller when it ends; scripts and schedulers act on these.</summary>
public static class ExitCodes
{
    /// <summary>Everything asked for was done.</summary>
    public const int Success = 0;

    /// <summary>The run failed, or two models that should be identical are not.</summary>
    public const int RunFailed = 1;

    /// <summary>The command line, the job file or the data cannot be used as given; nothing was started.</summary>
    public const int Usage = 2;

    /// <summary>What was asked for does not exist, or its silo is out of reach.</summary>
    public const int NotFound = 3;

    /// <summary>A wait ran out while the work went on.</summary>
    public const int Unfinished = 4;

    /// <summary>Ended early with a checkpoint saved: starting again goes on from there (EX_TEMPFAIL of sysexits.h).</summary>
    public const int Retryable = 75;

    /// <summary>Ended by SIGINT (Ctrl-C): 128 plus the signal's number.</summary>
    public const int Interrupted = 130;

    /// <summary>Ended by SIGTERM: 128 plus the signal's number.</summary>
    public const int Terminated = 143;
}
