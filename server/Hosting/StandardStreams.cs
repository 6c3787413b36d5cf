namespace Coordinator.Server.Hosting;

/// <summary>
/// Standard output and error of a program, behind <see cref="SafeWriter"/>: no output, to a file, a pipe or a terminal, ever ends a run or
/// costs its state. Commands whose output is their result wait for its reader, and fail in the end where it could not be written; those
/// that run something call <see cref="NeverWait"/> first. Nothing that is printed steers a terminal (<see cref="PlainWriter"/>).
/// </summary>
public static class StandardStreams
{
    /// <summary>How long the end of a run waits for a reader that takes nothing.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(3);

    private static SafeWriter? output;
    private static SafeWriter? error;
    private static bool neverWaits;

    /// <summary>Puts the safe writers before both streams. Once in a process, before anything is printed.</summary>
    public static void Protect()
    {
        output = new SafeWriter(Console.Out);
        error = new SafeWriter(Console.Error);
        Console.SetOut(new PlainWriter(output));
        Console.SetError(new PlainWriter(error));
    }

    /// <summary>
    /// Standard output for who draws on a terminal and makes every foreign text plain itself; without <see cref="Protect"/>, the stream
    /// as it is.
    /// </summary>
    public static TextWriter StyledOutput => output ?? Console.Out;

    /// <summary>The same of standard error.</summary>
    public static TextWriter StyledError => error ?? Console.Error;

    /// <summary>What this process does is worth more than what it says: from now on nobody waits for who reads it.</summary>
    public static void NeverWait()
    {
        neverWaits = true;
        output?.NeverWait();
        error?.NeverWait();
    }

    /// <summary>Lets what was said leave, for a process that is about to end at once.</summary>
    public static void Drain(TimeSpan patience)
    {
        output?.Drain(patience);
        error?.Drain(patience);
    }

    /// <summary>Lets what was said leave at the program's end.</summary>
    /// <param name="exitCode">What the command gives.</param>
    /// <param name="failed">What to give where the result itself could not be written.</param>
    public static int End(int exitCode, int failed)
    {
        if (neverWaits)
        {
            Drain(EndPatience);
            return exitCode;
        }

        output?.Drain(Timeout.InfiniteTimeSpan);
        if (output?.Trouble is { } trouble && exitCode == 0)
        {
            Console.Error.WriteLine($"error: the output cannot be written: {trouble.Message}");
            exitCode = failed;
        }

        error?.Drain(EndPatience);
        return exitCode;
    }
}
