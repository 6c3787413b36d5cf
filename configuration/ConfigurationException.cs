namespace Coordinator.Configuration;

/// <summary>A job file or override that cannot be used; the process ends with exit code 2, of wrong usage.</summary>
public sealed class ConfigurationException : Exception
{
    /// <param name="message">What is wrong, with which value, and what is allowed.</param>
    /// <param name="file">The job file; null when the fault is not in a file.</param>
    /// <param name="line">Line in the file, from 1.</param>
    /// <param name="column">Column in the line, from 1.</param>
    /// <param name="cause">What led here.</param>
    public ConfigurationException(string message, string? file = null, int? line = null, int? column = null, Exception? cause = null)
        : base(new SourceLocation(file, line, column).Prefix + message, cause) => (File, Line, Column) = (file, line, column);

    internal ConfigurationException(string message, SourceLocation location, Exception? cause = null)
        : this(message, location.File, location.Line, location.Column, cause)
    {
    }

    /// <summary>The job file; null when the fault is not in a file. The message begins with it.</summary>
    public string? File { get; }

    /// <summary>Line in the file, from 1.</summary>
    public int? Line { get; }

    /// <summary>Column in the line, from 1.</summary>
    public int? Column { get; }
}
