namespace Coordinator.Worker.Processes;

/// <summary>A user of this host that programs run as.</summary>
/// <param name="Name">Name.</param>
/// <param name="Id">Number.</param>
/// <param name="Group">Number of its first group.</param>
/// <param name="Home">Home folder.</param>
public sealed record ProgramUser(string Name, uint Id, uint Group, string Home)
{
    private const string Tool = "setpriv";

    /// <summary>Looks a user up.</summary>
    /// <param name="name">The user's name.</param>
    /// <param name="problem">Why programs cannot run as that user; null: they can.</param>
    /// <returns>Null where there is a problem.</returns>
    public static ProgramUser? Find(string name, out string? problem)
    {
        problem = null;
        if (NativeProcess.FindUser(name) is not { } found)
            problem = "there is no such user on this host";
        else if (NativeProcess.EffectiveUser() is var self && self == found.Id)
            return found;
        else if (self != 0)
            problem = "only a worker that runs as root can start programs as another user";
        else if (ToolPath() is null)
            problem = $"{Tool} is not installed, by which the user is changed; it is part of util-linux";
        else
            return found;
        return null;
    }

    /// <summary>What comes before a command so that it runs as this user: nothing where the worker is that user.</summary>
    internal IReadOnlyList<string> Prefix => NativeProcess.EffectiveUser() == Id
        ? []
        : [ToolPath() ?? Tool, "--reuid", $"{Id}", "--regid", $"{Group}", "--init-groups", "--inh-caps=-all", "--"];

    private static string? ToolPath() =>
        new[] { "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin" }.Select(folder => Path.Combine(folder, Tool))
            .FirstOrDefault(File.Exists);
}
