namespace Coordinator.Cli.Output;

/// <summary>Exit codes of the command line.</summary>
public static class ExitCodes
{
    /// <summary>It went well.</summary>
    public const int Success = 0;

    /// <summary>The run failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line, a file or an option is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Not found, or out of reach.</summary>
    public const int NotFound = 3;

    /// <summary>A wait ran out before the end.</summary>
    public const int Unfinished = 4;

    /// <summary>It did not end, and running it again goes on from what was saved.</summary>
    public const int Retryable = 75;
}
