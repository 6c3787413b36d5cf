using System.Diagnostics;
using System.Net.Sockets;

namespace Coordinator.Tests.Disk;

/// <summary>Puts what is no file where a file is expected.</summary>
internal static class SpecialFiles
{
    /// <summary>What may lie there, for theories.</summary>
    public static readonly TheoryData<string> Kinds = ["pipe", "folder", "socket", "loop", "device"];

    /// <summary>Takes away what is there, and makes something of <paramref name="kind"/>.</summary>
    public static void Put(string path, string kind)
    {
        File.Delete(path);
        switch (kind)
        {
            case "pipe":
                using (var made = Process.Start("mkfifo", [path]))
                    made.WaitForExit();
                break;
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "socket":
                // A name of a socket has at most a hundred bytes.
                var near = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N")[..12]);
                using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
                {
                    socket.Bind(new UnixDomainSocketEndPoint(near));
                    File.Move(near, path);
                }

                break;
            case "loop":
                File.CreateSymbolicLink(path, path);
                break;
            case "device":
                File.CreateSymbolicLink(path, "/dev/zero");
                break;
            default:
                throw new ArgumentException(kind, nameof(kind));
        }
    }
}
