using System.Security.Cryptography;

namespace Coordinator.Server.Hosting;

/// <summary>The bearer token of a silo, in a file that its user alone can read.</summary>
public static class SiloToken
{
    private const int MinLength = 16;

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
            throw new InvalidDataException($"the token file '{path}' cannot be used: {refused.Message} Name a file that can be read, or a place where one can be made, with --token-file.", refused);
        }
    }

    /// <summary>Reads the token.</summary>
    /// <exception cref="InvalidDataException">The file holds no usable token; the message says what to do.</exception>
    /// <exception cref="FileNotFoundException">There is no file.</exception>
    public static string Load(string path)
    {
        var token = File.ReadAllText(path).Trim();
        if (token.Length < MinLength || token.Any(letter => letter is <= ' ' or > '~'))
            throw new InvalidDataException($"'{path}' holds no token. Delete it, and a new one is drawn; workers and clients then need the new one.");
        return token;
    }

    private static void TryCreate(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var fresh = $"{path}.{Guid.NewGuid():N}";
        var settings = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            settings.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var writer = new StreamWriter(fresh, settings))
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
}
