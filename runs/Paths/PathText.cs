using System.Text;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Runs.Paths;

/// <summary>What the text of a path must be, whatever it names: the system refuses anything else only when the file is opened.</summary>
public static class PathText
{
    /// <summary>Most bytes of a name in a folder, on every file system in use.</summary>
    public const int MostNameBytes = 255;

    /// <summary>Most bytes of a path that Linux takes, without the zero behind it.</summary>
    public const int MostBytes = 4095;

    /// <summary>Why a text can be no path; null where it can.</summary>
    /// <param name="what">The option or argument, which begins the sentence.</param>
    /// <param name="text">What was given.</param>
    public static string? WhyNone(string what, string text)
    {
        if (text.Length == 0)
            return $"{what} is empty; name a path, or leave {what} out where it has a default.";
        if (text.Contains('\0'))
            return $"{what} holds a zero character, which no path can; name another path.";
        if (text.Split('/').FirstOrDefault(part => Encoding.UTF8.GetByteCount(part) > MostNameBytes) is { } name)
        {
            return $"{what} has a name of {Encoding.UTF8.GetByteCount(name)} bytes in it, '{name[..40]}…', and file systems take "
                + $"{MostNameBytes}; choose a shorter one.";
        }
        return Encoding.UTF8.GetByteCount(text) > MostBytes
            ? $"{what} is a path of {Encoding.UTF8.GetByteCount(text)} bytes, and the system takes {MostBytes}; choose a shorter one."
            : null;
    }

    /// <summary>The full path. A relative one needs a current directory, and that can have been removed.</summary>
    /// <exception cref="CommandException">The text is no path, or it is relative and there is no current directory.</exception>
    public static string Full(string what, string text)
    {
        if (WhyNone(what, text) is { } why)
            throw new CommandException(ExitCodes.Usage, why, null);
        try
        {
            return Path.GetFullPath(text);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"{what} is the relative path '{text}', and the current directory cannot be found: {gone.Message}",
                "Change to a directory that is there, or name an absolute path.");
        }
    }
}
