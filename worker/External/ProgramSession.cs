using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.External;

/// <summary>
/// One program from its start to its end: the process, the connection that it makes, and the rule that each message has its answer and
/// nothing else. Whatever breaks that rule ends the process.
/// </summary>
internal sealed class ProgramSession : IDisposable
{
    /// <summary>Where the program finds its worker: the path of a socket.</summary>
    public const string SocketVariable = "COORDINATOR_PROGRAM_SOCKET";

    /// <summary>What it proves itself with.</summary>
    public const string KeyVariable = "COORDINATOR_PROGRAM_KEY";

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly ProgramProcess process;
    private readonly Socket listener;
    private readonly string folder;
    private readonly string key;
    private readonly ProgramSpec program;
    private readonly CancellationToken cancel;
    private readonly TimeSpan startedAt = Monotonic.Now;
    private ProgramConnection? connection;
    private TimeSpan connectedAt;
    private TimeSpan describedAt;
    private TimeSpan readyAt;
    private volatile bool isAsked;

    private ProgramSession(
        ProgramProcess process, Socket listener, string folder, string key, ProgramSpec program, CancellationToken cancel) =>
        (this.process, this.listener, this.folder, this.key, this.program, this.cancel) = (process, listener, folder, key, program, cancel);

    /// <summary>The process's number.</summary>
    public int ProcessId => process.Id;

    /// <summary>Starts a process; <paramref name="cancel"/> ends the waiting for it.</summary>
    /// <exception cref="ProgramFaultException">It cannot be started.</exception>
    public static ProgramSession Start(ProgramLaunch launch, ProgramSpec program, CancellationToken cancel)
    {
        // A folder of its own that only this user may enter: the socket in it is this worker's and the program's.
        var folder = Directory.CreateTempSubdirectory("coordinator-").FullName;
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            var path = Path.Combine(folder, "worker");
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(1);
            var key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
            var variables = new Dictionary<string, string>(launch.Variables) { [SocketVariable] = path, [KeyVariable] = key };
            return new ProgramSession(
                ProgramProcess.Start(launch with { Variables = variables }, folder, path), listener, folder, key, program, cancel);
        }
        catch
        {
            listener.Dispose();
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>
    /// Waits for the program to connect and to say what it is: as long as it takes to import its libraries and to make its model.
    /// </summary>
    /// <exception cref="ProgramFaultException">It ended, or took longer than its job allows, or said what cannot be.</exception>
    public ProgramDescription Describe()
    {
        for (var until = Monotonic.Now + program.StartTimeout; !listener.Poll(Look, SelectMode.SelectRead);)
        {
            cancel.ThrowIfCancellationRequested();
            if (process.HasEnded)
                throw new ProgramFaultException($"the program ended before it joined: {process.Ending()}");
            if (Monotonic.Now >= until)
            {
                throw new ProgramFaultException(
                    $"the program has not connected within program.start_timeout, {program.StartTimeout.TotalSeconds:0.#} s");
            }
        }

        connection = new ProgramConnection(listener.Accept());
        connectedAt = Monotonic.Now;
        try
        {
            var described = ProgramDescription.Read(
                Next(program.StartTimeout, "its description", ProgramMessage.Describe, GiveUp, cancel).Body);
            if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(described.Key), Encoding.UTF8.GetBytes(key)))
                throw Broken("the program did not give the key that it was started with");
            describedAt = Monotonic.Now;
            return described;
        }
        catch (FormatException wrong)
        {
            throw Broken(wrong.Message);
        }
    }

    /// <summary>Gives the program the memory, and waits until it has put the state of step 0 there.</summary>
    /// <returns>After every how many recorded steps it wants to be called.</returns>
    /// <exception cref="ProgramFaultException">It did not.</exception>
    public IReadOnlyList<long> ShareAndAwaitReady(SharedMemory memory, long gradientAt, long indicesAt)
    {
        Span<byte> body = stackalloc byte[32];
        BinaryPrimitives.WriteInt64LittleEndian(body, memory.Bytes);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], gradientAt);
        BinaryPrimitives.WriteInt64LittleEndian(body[16..], indicesAt);
        body[24..].Clear();
        connection!.Send(ProgramMessage.Memory, body, memory.File);
        var ready = Next(program.StartTimeout, "the state of step 0", ProgramMessage.Ready, GiveUp, cancel);
        readyAt = Monotonic.Now;
        try
        {
            return ready.Periods();
        }
        catch (FormatException wrong)
        {
            throw Broken(wrong.Message);
        }
    }

    /// <summary>It has computed what it is to compute before anything counts: how long all of that took goes into its log.</summary>
    public void NoteStarted()
    {
        var now = Monotonic.Now;
        process.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"started in {(now - startedAt).TotalSeconds:F2} s: {(connectedAt - startedAt).TotalSeconds:F2} s until it connected, "
                + $"{(describedAt - connectedAt).TotalSeconds:F2} s for imports and model, "
                + $"{(readyAt - describedAt).TotalSeconds:F2} s for the state of step 0, "
                + $"{(now - readyAt).TotalSeconds:F2} s for uncounted shards"));
    }

    /// <summary>Sends a message and waits for its answer.</summary>
    /// <param name="message">The message.</param>
    /// <param name="body">Its body.</param>
    /// <param name="limit">How long the answer may take.</param>
    /// <param name="what">What is waited for, for people.</param>
    /// <param name="wanted">The answer.</param>
    /// <param name="dropped">The answer is not wanted any more: the program is told, and may drop what it does at its next call.</param>
    /// <exception cref="ProgramFaultException">It gave none, or another one.</exception>
    /// <exception cref="OperationCanceledException">It was not wanted any more, and the program has ended it.</exception>
    public ProgramAnswer Ask(
        ProgramMessage message,
        ReadOnlySpan<byte> body,
        TimeSpan limit,
        string what,
        ProgramMessage wanted,
        CancellationToken dropped = default)
    {
        try
        {
            connection!.Send(message, body);
        }
        catch (ProgramGoneException)
        {
            throw Gone();
        }

        return Next(limit, what, wanted, () => connection.Send(ProgramMessage.Cancel, []), dropped);
    }

    /// <summary>Ends a program that is being waited for: nobody wants its answer.</summary>
    public void Abandon()
    {
        if (isAsked)
            process.Kill();
    }

    /// <summary>What the program did cannot be: it is ended.</summary>
    public ProgramFaultException Broken(string why)
    {
        process.Kill();
        return new ProgramFaultException(why);
    }

    /// <summary>What the program computed is not what it computed before: it is ended.</summary>
    public ProgramDisagreementException Disagrees(string why)
    {
        process.Kill();
        return new ProgramDisagreementException(why);
    }

    /// <summary>Ends the program, which ends by itself when it has no connection any more, and frees what it had.</summary>
    public void Dispose()
    {
        try
        {
            connection?.Send(ProgramMessage.End, []);
        }
        catch (ProgramFaultException)
        {
            // It has ended already.
        }

        if (connection is null)
            process.Kill();
        connection?.Dispose();
        listener.Dispose();
        process.Dispose();
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A leftover in the folder for temporary files harms nobody.
        }
    }

    private void GiveUp() => throw new OperationCanceledException(cancel);

    private ProgramAnswer Next(TimeSpan limit, string what, ProgramMessage wanted, Action giveUp, CancellationToken asked)
    {
        ProgramAnswer answer;
        isAsked = true;
        try
        {
            answer = connection!.Receive(limit, what, asked.CanBeCanceled ? giveUp : null, asked);
        }
        catch (ProgramGoneException)
        {
            throw Gone();
        }
        catch (ProgramFaultException)
        {
            process.Kill();
            throw;
        }
        finally
        {
            isAsked = false;
        }

        if (answer.Message == wanted)
            return answer;
        if (answer.Message == ProgramMessage.Dropped && asked.IsCancellationRequested)
            throw new OperationCanceledException(asked);
        if (answer.Message == ProgramMessage.Failed)
            throw new ProgramFaultException($"the program failed: {answer.Words()}");
        throw Broken($"the program answered {answer.Message} where {wanted} was waited for ({what})");
    }

    private ProgramFaultException Gone() => new($"the program ended while it was needed: {process.Ending()}");
}
