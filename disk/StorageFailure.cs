namespace Coordinator.Disk;

/// <summary>
/// What says that storage could not do what was asked of it: no room, no permission, a disk that fails. A file that would grow beyond what
/// its file system or the user's limit allows is one of them, which .NET reports as a wrong argument of its own.
/// </summary>
public static class StorageFailure
{
    /// <summary>Whether a failure is storage's, and not a fault of the program that met it.</summary>
    public static bool Is(Exception failed) =>
        failed is IOException or UnauthorizedAccessException
        || (failed is ArgumentOutOfRangeException { ParamName: "value", StackTrace: { } trace }
            && trace.Contains("System.IO.", StringComparison.Ordinal));

    /// <summary>What it says, in words for people.</summary>
    public static string Words(Exception failed) =>
        failed is ArgumentOutOfRangeException
            ? "the file would be larger than this user, or the file system, may make one"
            : failed.Message;
}
