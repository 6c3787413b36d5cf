namespace Coordinator.Server.Hosting;

/// <summary>
/// A writer that never throws and, where it is told so, never waits: a process's work is worth more than its words. What cannot be written
/// (a full disk, a terminal that went away) is dropped, and the next text is tried again. A thread of its own does the writing, so that a
/// pipe that nobody reads holds up nobody: beyond <see cref="Capacity"/> a writer that may not wait drops what comes, and says later how
/// much that was. Thread-safe.
/// </summary>
public sealed class SafeWriter : TextWriter
{
    /// <summary>Characters that are kept for a reader that is slower than what is written.</summary>
    public const int Capacity = 1 << 20;

    private readonly TextWriter inner;
    private readonly object gate = new();
    private readonly Queue<string> waiting = [];
    private Thread? thread;
    private int waitingLength;
    private long written;
    private long dropped;
    private bool isWriting;
    private bool neverWaits;

    /// <summary>A writer in front of another, which is used by the thread of this one alone.</summary>
    public SafeWriter(TextWriter inner)
        : base(inner.FormatProvider)
    {
        this.inner = inner;
        CoreNewLine = inner.NewLine.ToCharArray();
    }

    /// <inheritdoc/>
    public override System.Text.Encoding Encoding => inner.Encoding;

    /// <summary>Why something could not be written the first time that it could not; null where all was.</summary>
    public Exception? Trouble { get; private set; }

    /// <summary>From now on what does not fit is dropped. Before, whoever writes waits for the reader.</summary>
    public void NeverWait()
    {
        lock (gate)
        {
            neverWaits = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <inheritdoc/>
    public override void Write(char value) => Take(value.ToString());

    /// <inheritdoc/>
    public override void Write(string? value) => Take(value ?? "");

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Take(new string(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer) => Take(buffer.ToString());

    /// <summary>A line is one text: it is written whole or dropped whole.</summary>
    /// <inheritdoc/>
    public override void WriteLine(string? value) => Take(value + NewLine);

    /// <summary>Does nothing: everything is written as soon as it can be. <see cref="Drain"/> waits for it.</summary>
    public override void Flush()
    {
    }

    /// <summary>Waits until everything is written, or nothing has been for <paramref name="patience"/>.</summary>
    /// <returns>Whether everything is written, or could not be.</returns>
    public bool Drain(TimeSpan patience)
    {
        lock (gate)
        {
            while (waiting.Count > 0 || isWriting)
            {
                var before = written;
                if (!Monitor.Wait(gate, patience) && written == before)
                    return false;
            }

            return true;
        }
    }

    private void Take(string text)
    {
        if (text.Length == 0)
            return;
        lock (gate)
        {
            while (waitingLength >= Capacity && !neverWaits)
                Monitor.Wait(gate);
            if (waitingLength >= Capacity)
            {
                dropped += text.Length;
                return;
            }

            if (dropped > 0)
                Add($"({dropped} characters of output were dropped here, since nobody read them){NewLine}");
            dropped = 0;
            Add(text);
            if (thread is null)
            {
                thread = new Thread(Run) { IsBackground = true, Name = "output" };
                thread.Start();
            }

            Monitor.PulseAll(gate);
        }
    }

    private void Add(string text)
    {
        waiting.Enqueue(text);
        waitingLength += text.Length;
    }

    private void Run()
    {
        while (true)
        {
            string text;
            lock (gate)
            {
                while (waiting.Count == 0)
                    Monitor.Wait(gate);
                text = waiting.Dequeue();
                waitingLength -= text.Length;
                isWriting = true;
                Monitor.PulseAll(gate);
            }

            Exception? failed = null;
            try
            {
                inner.Write(text);
                inner.Flush();
            }
            catch (Exception cannot) when (
                cannot is IOException or UnauthorizedAccessException or InvalidOperationException or ArgumentException)
            {
                // Nobody can be told by the way that is broken. Another text may find room again.
                failed = cannot;
            }

            lock (gate)
            {
                Trouble ??= failed;
                written++;
                isWriting = false;
                Monitor.PulseAll(gate);
            }
        }
    }
}
