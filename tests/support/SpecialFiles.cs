using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Coordinator.Tests.Support;

/// <summary>Puts what is no file where a file is expected.</summary>
public static partial class SpecialFiles
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
                MakePipe(path);
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

    /// <summary>Makes a pipe with a name.</summary>
    public static void MakePipe(string path)
    {
        if (MakeFifo(path, Convert.ToUInt32("600", 8)) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);
}
