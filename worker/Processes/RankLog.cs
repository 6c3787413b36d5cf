using System.Globalization;
using System.Text;
using Coordinator.Disk;

namespace Coordinator.Worker.Processes;

/// <summary>
/// What a program said, on its worker's disk: whoever reads it, reads files, so a slow reader stops no program. A line is
/// <c>time stream F text</c>, as Kubernetes' runtimes write it (<c>P</c> in place of <c>F</c>: the line goes on in the next one), so its
/// tools read it.
/// <para>
/// It is bounded: of more than <see cref="RankLogOptions.MostBytes"/> the oldest half is dropped at a time. A disk that takes no more costs
/// lines, which are counted, and no program its time. Used by the thread that reads the program's pipes; notes may come from any other.
/// </para>
/// </summary>
public sealed class RankLog : IDisposable
{
    private const int LongestLine = 16 << 10;
    private const int KeptLines = 40;

    private readonly RankLogOptions options;
    private readonly Lock gate = new();
    private readonly Pending[] pending = [new(LogStream.Output), new(LogStream.Error)];
    private readonly Queue<string> lastErrors = new();
    private readonly Action<LogStream, string>? heard;
    private FileStream? file;
    private long written;
    private long segment;
    private long lost;
    private long outputAt;
    private bool disposed;

    /// <summary>A new log; one of the same name that is there is replaced.</summary>
    /// <param name="options">Where, and how much.</param>
    /// <param name="heard">Told each line that the program ends; null: nobody wants to know.</param>
    public RankLog(RankLogOptions options, Action<LogStream, string>? heard = null)
    {
        (this.options, this.heard) = (options, heard);
        outputAt = Monotonic.Now.Ticks;
        PrivateFiles.CreateFolder(options.Folder);
        foreach (var old in RankLogFiles.SegmentsOf(options.Folder, options.Name))
            File.Delete(old.Path);
    }

    /// <summary>When the program said anything last, on the clock of <see cref="Monotonic"/>.</summary>
    public TimeSpan OutputAt => TimeSpan.FromTicks(Interlocked.Read(ref outputAt));

    /// <summary>The last lines of standard error, oldest first, at most <paramref name="count"/>.</summary>
    public IReadOnlyList<string> LastErrors(int count)
    {
        lock (gate)
        {
            var unfinished = pending[(int)LogStream.Error].Text;
            return [.. lastErrors.Concat(unfinished.Length > 0 ? [unfinished] : []).TakeLast(count)];
        }
    }

    /// <summary>Something that the program wrote, in pieces as they come.</summary>
    public void Append(LogStream stream, ReadOnlySpan<byte> bytes)
    {
        Interlocked.Exchange(ref outputAt, Monotonic.Now.Ticks);
        lock (gate)
        {
            var part = pending[(int)stream];
            while (bytes.Length > 0)
            {
                var end = bytes.IndexOf((byte)'\n');
                var room = LongestLine - part.Count;
                if (end >= 0 && end <= room)
                {
                    part.Add(bytes[..end]);
                    EndLine(part, isWhole: true);
                    bytes = bytes[(end + 1)..];
                }
                else
                {
                    var taken = Math.Min(room, bytes.Length);
                    part.Add(bytes[..taken]);
                    bytes = bytes[taken..];
                    if (part.Count == LongestLine)
                        EndLine(part, isWhole: false);
                }
            }

            Flush();
        }
    }

    /// <summary>Something about the program, of one or more lines.</summary>
    public void Note(string text)
    {
        lock (gate)
        {
            foreach (var line in text.Split('\n'))
                WriteLine(LogStream.Coordinator, Encoding.UTF8.GetBytes(line), isWhole: true);
            Flush();
        }
    }

    /// <summary>Ends the log: what the program began and did not end is a line.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            foreach (var part in pending.Where(part => part.Count > 0))
                EndLine(part, isWhole: true);
            Flush();
            file?.Dispose();
            file = null;
            disposed = true;
        }
    }

    private void EndLine(Pending part, bool isWhole)
    {
        WriteLine(part.Stream, part.Bytes, isWhole);
        var text = part.Text;
        part.Clear();
        if (part.Stream == LogStream.Error)
        {
            lastErrors.Enqueue(text);
            if (lastErrors.Count > KeptLines)
                lastErrors.Dequeue();
        }

        heard?.Invoke(part.Stream, text);
    }

    private void WriteLine(LogStream stream, ReadOnlySpan<byte> text, bool isWhole)
    {
        if (disposed)
            return;
        var name = stream switch { LogStream.Output => "stdout", LogStream.Error => "stderr", _ => "coordinator" };
        var head = Encoding.ASCII.GetBytes(
            $"{DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)} {name} {(isWhole ? 'F' : 'P')} ");
        try
        {
            if (file is not null && written - segment + head.Length + text.Length + 1 > options.MostBytes / 2)
                NextSegment();
            file ??= PrivateFiles.Open(
                RankLogFiles.PathOf(options.Folder, options.Name, segment),
                FileMode.Create,
                FileAccess.Write,
                FileShare.Read | FileShare.Delete,
                1 << 16);
            if (lost > 0)
            {
                var missing = Encoding.ASCII.GetBytes($"{lost} lines are missing here, which the disk did not take\n");
                file.Write(head);
                file.Write(missing);
                written += head.Length + missing.Length;
                lost = 0;
            }

            file.Write(head);
            file.Write(text);
            file.WriteByte((byte)'\n');
            written += head.Length + text.Length + 1;
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            Fail();
        }
    }

    private void Flush()
    {
        try
        {
            file?.Flush();
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            Fail();
        }
    }

    /// <summary>The file's end is not known any more: the next line begins another one.</summary>
    private void Fail()
    {
        lost++;
        try
        {
            file?.Dispose();
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            // Its last bytes are lost, too.
        }

        file = null;
        segment = written;
    }

    private void NextSegment()
    {
        file!.Dispose();
        file = null;
        segment = written;
        foreach (var old in RankLogFiles.SegmentsOf(options.Folder, options.Name).SkipLast(1))
            File.Delete(old.Path);
    }

    private sealed class Pending(LogStream stream)
    {
        private readonly byte[] bytes = new byte[LongestLine];

        public LogStream Stream { get; } = stream;

        public int Count { get; private set; }

        public ReadOnlySpan<byte> Bytes => bytes.AsSpan(0, Count);

        public string Text => Encoding.UTF8.GetString(Bytes is [.., (byte)'\r'] ? Bytes[..^1] : Bytes);

        public void Add(ReadOnlySpan<byte> more)
        {
            more.CopyTo(bytes.AsSpan(Count));
            Count += more.Length;
        }

        public void Clear() => Count = 0;
    }
}
