/// <summary>
/// Notes which libraries a process of the command has loaded by its end. The runtime calls it in the processes of <c>LoadedLibrariesTests</c>,
/// by this name and outside any namespace, before they begin; what they load is none of its business.
/// </summary>
internal static class StartupHook
{
    /// <summary>Where the notes go; one file for each process, named by its command.</summary>
    public const string Folder = "COORDINATOR_TEST_LOADED";

    /// <summary>The runtime's entry.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(Folder) is not { } folder)
            return;
        var note = Path.Combine(folder, $"{Environment.GetCommandLineArgs().ElementAtOrDefault(1)}-{Environment.ProcessId}");
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
            File.WriteAllLines(note, AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetName().Name!).Order(StringComparer.Ordinal));
    }
}
