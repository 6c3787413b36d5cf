using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.Processes;

/// <summary>
/// What .NET does not do with processes: start one as the leader of a session of its own with descriptors of one's choice, wait without
/// reaping, and read several pipes on one thread. Numbers are those of Linux, which are the same on every architecture that .NET runs on.
/// </summary>
internal static unsafe partial class NativeProcess
{
    public const int Terminate = 15;
    public const int Kill = 9;
    public const int Again = 11;
    public const int Interrupted = 4;

    private const short NewSession = 0x80;
    private const short DefaultSignals = 0x04;
    private const short SignalMask = 0x08;
    private const int CloseOnExecute = 0x80000;
    private const int DuplicateClosing = 1030;
    private const int SetPipeSize = 1031;
    private const int SetFlags = 4;
    private const int NotWaiting = 0x800;
    private const int OpenProcessDescriptor = 434;
    private const int PipeBytes = 1 << 20;
    private const int ById = 1;
    private const int Exited = 4;
    private const int KeepWaitable = 0x01000000;

    /// <summary>
    /// Descriptors below this are for the program; those that it is given are moved above it first, so that none overwrites another.
    /// </summary>
    private const int FirstSafe = 64;

    /// <summary>A shell names descriptors by one digit.</summary>
    private const int FirstUnused = 10;

    /// <summary>A pipe whose ends no other program inherits.</summary>
    /// <exception cref="IOException">The process has no more descriptors.</exception>
    public static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        var ends = stackalloc int[2];
        if (Pipe2(ends, CloseOnExecute) != 0)
            throw Failed("a pipe cannot be made");
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    /// <summary>Makes reads come back at once, and the pipe hold as much as an ordinary user may ask for.</summary>
    public static void PrepareToPoll(SafeFileHandle pipe)
    {
        _ = Control(pipe, SetFlags, NotWaiting);
        _ = Control(pipe, SetPipeSize, PipeBytes);
    }

    /// <summary>Starts a program as the leader of a session of its own, with no signal blocked or ignored.</summary>
    /// <param name="file">Full path.</param>
    /// <param name="arguments">Arguments, the program's name first.</param>
    /// <param name="environment">The whole environment, as NAME=value.</param>
    /// <param name="descriptors">Pairs of an open descriptor and the number that it is to have; standard input is empty where it is not
    /// named.</param>
    /// <returns>The process's number.</returns>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static int Spawn(
        string file,
        IReadOnlyList<string> arguments,
        IReadOnlyList<string> environment,
        IReadOnlyList<(SafeHandle From, int To)> descriptors)
    {
        // Both are opaque and far smaller than this in every C library.
        var actions = stackalloc byte[1024];
        var attributes = stackalloc byte[1024];
        var signals = stackalloc byte[256];
        var moved = new List<int>();
        var argv = ToNative(arguments);
        var envp = ToNative(environment);
        Check(ActionsInit(actions));
        Check(AttributesInit(attributes));
        try
        {
            if (descriptors.All(pair => pair.To != 0))
                Check(AddOpen(actions, 0, "/dev/null", 0, 0));
            foreach (var (from, to) in descriptors)
            {
                var number = Control(from, DuplicateClosing, FirstSafe);
                if (number < 0)
                    throw Failed("a descriptor cannot be given to a program");
                moved.Add(number);
                Check(AddDuplicate(actions, number, to));
            }

            // What this process itself was started with and nobody closes is not the program's.
            for (var number = 3; number < FirstUnused; number++)
            {
                if (descriptors.All(pair => pair.To != number))
                    Check(AddClose(actions, number));
            }

            if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "posix_spawn_file_actions_addclosefrom_np", out _))
                Check(AddCloseFrom(actions, FirstUnused));
            _ = FillSignals(signals);
            Check(SetDefaults(attributes, signals));
            _ = EmptySignals(signals);
            Check(SetMask(attributes, signals));
            Check(SetSpawnFlags(attributes, NewSession | DefaultSignals | SignalMask));
            Check(SpawnProcess(out var process, file, actions, attributes, argv, envp));
            return process;
        }
        finally
        {
            foreach (var number in moved)
                _ = Close(number);
            _ = ActionsDestroy(actions);
            _ = AttributesDestroy(attributes);
            Free(argv);
            Free(envp);
        }

        void Check(int error)
        {
            if (error != 0)
                throw new IOException($"{file} cannot be started: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    /// <summary>A descriptor that can be polled for a child's end.</summary>
    /// <exception cref="IOException">The system knows no such descriptors (Linux before 5.3).</exception>
    public static SafeFileHandle OpenProcess(int process)
    {
        var descriptor = (int)SystemCall(OpenProcessDescriptor, process, 0);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failed($"process {process} cannot be watched");
    }

    /// <summary>Waits until one of the descriptors can be read; one that is below 0 is passed over.</summary>
    /// <returns>For each whether it can, or has ended.</returns>
    public static bool[] Poll(ReadOnlySpan<int> descriptors, TimeSpan? limit)
    {
        var entries = stackalloc PollEntry[descriptors.Length];
        for (var i = 0; i < descriptors.Length; i++)
            entries[i] = new PollEntry(descriptors[i], 1, 0);
        var ready = new bool[descriptors.Length];
        if (PollAll(entries, (nuint)descriptors.Length, limit is { } wait ? (int)Math.Ceiling(wait.TotalMilliseconds) : -1) > 0)
        {
            for (var i = 0; i < ready.Length; i++)
                ready[i] = entries[i].Happened != 0;
        }

        return ready;
    }

    /// <summary>Reads what is there.</summary>
    /// <returns>Bytes; 0: it has ended; below 0: nothing is there now.</returns>
    public static int Read(SafeFileHandle from, Span<byte> to)
    {
        fixed (byte* start = to)
        {
            var count = (int)ReadSome(from, start, (nuint)to.Length);
            return count >= 0 ? count : Marshal.GetLastPInvokeError() is Again or Interrupted ? -1 : 0;
        }
    }

    /// <summary>Writes a short line; a pipe without a reader swallows it.</summary>
    public static void Write(SafeFileHandle to, ReadOnlySpan<byte> line)
    {
        fixed (byte* start = line)
            _ = WriteSome(to, start, (nuint)line.Length);
    }

    /// <summary>Whether a child has ended; it stays to be reaped, and so its number stays its own.</summary>
    public static bool HasEnded(int process)
    {
        var info = stackalloc byte[128];
        new Span<byte>(info, 128).Clear();
        return WaitId(ById, process, info, Exited | KeepWaitable | 1) == 0 && *(int*)(info + 16) == process;
    }

    /// <summary>Reaps a child, and blocks until it has ended.</summary>
    public static ProgramExit Reap(int process)
    {
        // struct rusage: two times of two longs each, then the most memory in KiB; it has sixteen longs.
        var usage = stackalloc long[32];
        int status;
        while (Wait4(process, &status, 0, usage) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
                return new ProgramExit(null, Kill, TimeSpan.Zero, 0);
        }

        var processor = TimeSpan.FromSeconds(usage[0] + usage[2]) + TimeSpan.FromMicroseconds(usage[1] + usage[3]);
        var signal = status & 0x7f;
        return signal == 0 ? new ProgramExit(
            (status >> 8) & 0xff, null, processor, usage[4] << 10) : new ProgramExit(null, signal, processor, usage[4] << 10);
    }

    /// <summary>Sends a signal to a process, or by the negative number of its leader to a group.</summary>
    /// <returns>Whether there was anything to send it to.</returns>
    public static bool Signal(int process, int signal) => SendSignal(process, signal) == 0;

    /// <summary>Gives a folder or file to a user.</summary>
    /// <exception cref="IOException">It may not be.</exception>
    public static void GiveTo(string path, ProgramUser user)
    {
        if (ChangeOwner(path, user.Id, user.Group) != 0)
            throw Failed($"{path} cannot be given to {user.Name}");
    }

    /// <summary>A user by its name; null: there is none.</summary>
    public static ProgramUser? FindUser(string name)
    {
        // struct passwd: name, password, uid, gid, comment, home, shell.
        var entry = UserByName(name);
        return entry is null ? null : new ProgramUser(
            name,
            *(uint*)(entry + (2 * sizeof(nint))),
            *(uint*)(entry + (2 * sizeof(nint)) + 4),
            Marshal.PtrToStringUTF8(*(nint*)(entry + (3 * sizeof(nint)) + 8)) ?? "/");
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    private static IOException Failed(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    private static byte** ToNative(IReadOnlyList<string> texts)
    {
        var list = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++)
            list[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        return list;
    }

    private static void Free(byte** list)
    {
        for (var at = list; *at is not null; at++)
            Marshal.FreeCoTaskMem((nint)(*at));
        NativeMemory.Free(list);
    }

    private readonly record struct PollEntry(int Descriptor, short Wanted, short Happened);
}
