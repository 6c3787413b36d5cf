namespace Coordinator.Disk;

/// <summary>
/// Something else lies where a file should be: a pipe, a device, a folder, a socket, a loop of links. The message names both.
/// </summary>
/// <param name="path">Where.</param>
/// <param name="what">What lies there: <c>a pipe</c>.</param>
public sealed class NotARegularFileException(string path, string what)
    : IOException($"{path} is {what} and no file; name the file itself, or put it there");
