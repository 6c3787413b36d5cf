using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Coordinator.Worker.External;

/// <summary>
/// The worker's end of the connection to one program. One thread uses it, and waits for answers with a limit: a program that says nothing
/// is slow, and one that has said nothing for as long as its job allows has ended as far as this worker is concerned.
/// </summary>
internal sealed unsafe partial class ProgramConnection(Socket socket) : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    /// <summary>Sends a message.</summary>
    /// <exception cref="ProgramFaultException">The program is gone.</exception>
    public void Send(ProgramMessage message, ReadOnlySpan<byte> body)
    {
        var bytes = new byte[ProgramAnswer.HeaderBytes + body.Length];
        WriteHeader(bytes, message, body.Length);
        body.CopyTo(bytes.AsSpan(ProgramAnswer.HeaderBytes));
        try
        {
            for (var sent = 0; sent < bytes.Length;)
                sent += socket.Send(bytes.AsSpan(sent), SocketFlags.None);
        }
        catch (SocketException gone)
        {
            throw Gone(gone);
        }
    }

    /// <summary>Sends a message with an open file.</summary>
    /// <exception cref="ProgramFaultException">The program is gone.</exception>
    public void Send(ProgramMessage message, ReadOnlySpan<byte> body, SafeHandle file)
    {
        var bytes = new byte[ProgramAnswer.HeaderBytes + body.Length];
        WriteHeader(bytes, message, body.Length);
        body.CopyTo(bytes.AsSpan(ProgramAnswer.HeaderBytes));
        fixed (byte* data = bytes)
        {
            // struct cmsghdr with one descriptor, as Linux lays it out where pointers have 64 bits.
            var control = stackalloc byte[24];
            new Span<byte>(control, 24).Clear();
            *(long*)control = 20;
            *(int*)(control + 8) = 1;
            *(int*)(control + 12) = 1;
            *(int*)(control + 16) = (int)file.DangerousGetHandle();
            var vector = stackalloc nint[2] { (nint)data, bytes.Length };
            var header = stackalloc nint[7] { 0, 0, (nint)vector, 1, (nint)control, 24, 0 };
            if (SendMessage(socket.SafeHandle, header, 0) != bytes.Length)
                throw Gone(new SocketException());
        }

        GC.KeepAlive(file);
    }

    /// <summary>The next message; waits for it.</summary>
    /// <param name="limit">How long.</param>
    /// <param name="what">What is waited for, for people.</param>
    /// <param name="giveUp">Ends what was begun; called once where <paramref name="asked"/> is. Null: it is not asked for.</param>
    /// <param name="asked">Whether it is to be ended.</param>
    /// <exception cref="ProgramFaultException">The program is gone, has said nothing for so long, or said what it cannot say.</exception>
    public ProgramAnswer Receive(TimeSpan limit, string what, Action? giveUp, CancellationToken asked)
    {
        var until = Monotonic.Now + limit;
        var header = new byte[ProgramAnswer.HeaderBytes];
        Exactly(header);
        try
        {
            var (message, length) = ProgramAnswer.ReadHeader(header);
            var body = new byte[length];
            Exactly(body);
            return new ProgramAnswer(message, body);
        }
        catch (FormatException wrong)
        {
            throw new ProgramFaultException(wrong.Message, wrong);
        }

        void Exactly(Span<byte> into)
        {
            while (into.Length > 0)
            {
                Await();
                try
                {
                    var count = socket.Receive(into, SocketFlags.None);
                    if (count == 0)
                        throw Gone(null);
                    into = into[count..];
                }
                catch (SocketException gone)
                {
                    throw Gone(gone);
                }
            }
        }

        void Await()
        {
            while (true)
            {
                var left = until - Monotonic.Now;
                if (left <= TimeSpan.Zero)
                {
                    throw new ProgramFaultException(
                        $"the program said nothing for {limit.TotalSeconds:0.#} s, where {what} was waited for");
                }
                if (asked.IsCancellationRequested && giveUp is not null)
                {
                    giveUp();
                    giveUp = null;
                }

                var wait = giveUp is null ? left : left < Look ? left : Look;
                if (socket.Poll(wait < LongestPoll ? wait : LongestPoll, SelectMode.SelectRead))
                    return;
            }
        }
    }

    /// <summary>Closes it, which ends the program.</summary>
    public void Dispose() => socket.Dispose();

    private static readonly TimeSpan LongestPoll = TimeSpan.FromMinutes(1);

    private static void WriteHeader(Span<byte> bytes, ProgramMessage message, int length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], (uint)message);
    }

    private static ProgramFaultException Gone(Exception? cause) => new ProgramGoneException(cause);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeHandle socket, nint* header, int flags);
}
