namespace Coordinator.Cli.Local;

/// <summary>
/// A private directory for one run: database, token, frozen data, logs. Readable by its owner only, since it holds the token.
/// </summary>
public sealed class RunDirectory
{
    private readonly bool temporary;

    private RunDirectory(string path, bool temporary)
    {
        Path = path;
        this.temporary = temporary;
    }

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Creates the directory.</summary>
    /// <param name="given">Where the user wants it, and then it stays; null: under the temporary directory, removed after a run that went well.</param>
    public static RunDirectory Create(string? given)
    {
        var path = given ?? System.IO.Path.Combine(
            System.IO.Path.GetTempPath(), $"coordinator-{DateTime.Now:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
        path = System.IO.Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new RunDirectory(path, temporary: given is null);
    }

    /// <summary>A file or folder in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Removes a temporary directory. After a failure it is kept instead: its logs say why.</summary>
    public void RemoveIfTemporary()
    {
        if (!temporary)
            return;
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A file still in use by the system stays behind in the temporary directory, which the system clears.
        }
    }
}
