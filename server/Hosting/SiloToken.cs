using System.Security.Cryptography;
using Coordinator.Disk;
using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Hosting;

/// <summary>The bearer token of a silo, in a file that its user alone can read.</summary>
public static partial class SiloToken
{
    private const int MinLength = 16;
    private const int MostBytes = 1 << 16;

    /// <summary>
    /// The token of a silo: in the file that its operator names, else in <c>token</c> of its data directory. The silo's own file is closed
    /// to others; of one that was named and is open to others it warns, since who is to read it is the operator's to say.
    /// </summary>
    /// <exception cref="InvalidDataException">The file holds no usable token; the message says what to do.</exception>
    public static string OfSilo(string? named, string dataDirectory, ILoggerFactory loggers)
    {
        var path = named ?? OfRun(dataDirectory) ?? Path.Combine(dataDirectory, "token");
        var token = LoadOrCreate(path);
        if (named is null)
            PrivateFiles.Tighten(path);
        else if (PrivateFiles.WhyOpen(path) is { } open)
            LogOpen(loggers.CreateLogger(typeof(SiloToken)), open);
        return token;
    }

    /// <summary>
    /// The token of a run whose silo's folder is named: it lies beside that folder, and whoever knew the run's silo knows it. Another one
    /// would lock
    /// them out. Null: the folder is no run's, or has a token of its own.
    /// </summary>
    private static string? OfRun(string dataDirectory)
    {
        var run = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataDirectory)));
        return run is not null && !Path.Exists(Path.Combine(dataDirectory, "token")) && File.Exists(Path.Combine(run, "run.json"))
            && File.Exists(Path.Combine(run, "token"))
            ? Path.Combine(run, "token") : null;
    }

    /// <summary>Reads the token, or draws one (32 random bytes in hexadecimal) where there is no file.</summary>
    /// <exception cref="InvalidDataException">There is no usable token, and none can be drawn; the message says what to do.</exception>
    public static string LoadOrCreate(string path)
    {
        try
        {
            if (!Path.Exists(path))
                TryCreate(path);
            return Load(path);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"the token file '{path}' cannot be used: {refused.Message} Name a file that can be read, or a "
                + "place where one can be made, with --token-file.", refused);
        }
    }

    /// <summary>Reads the token.</summary>
    /// <exception cref="InvalidDataException">The file holds no usable token; the message says what to do.</exception>
    /// <exception cref="FileNotFoundException">There is no file.</exception>
    public static string Load(string path)
    {
        var token = RegularFile.ReadNamedText(path, MostBytes).Trim();
        if (token.Length < MinLength || token.Any(letter => letter is <= ' ' or > '~'))
        {
            throw new InvalidDataException(
                $"'{path}' holds no token. Delete it, and a new one is drawn; workers and clients then need the new one.");
        }
        return token;
    }

    private static void TryCreate(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
            PrivateFiles.CreateFolder(folder);
        var fresh = $"{path}.{Guid.NewGuid():N}";
        using (var writer = new StreamWriter(PrivateFiles.Open(fresh, FileMode.CreateNew, FileAccess.Write, FileShare.None)))
            writer.WriteLine(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
        try
        {
            File.Move(fresh, path);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another process drew one at the same time, and its token stands.
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Open}")]
    private static partial void LogOpen(ILogger logger, string open);
}
