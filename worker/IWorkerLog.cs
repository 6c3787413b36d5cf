using Coordinator.Machines;

namespace Coordinator.Worker;

/// <summary>Where a worker writes what people may want to read. Called from any thread; must not block for long.</summary>
public interface IWorkerLog
{
    /// <summary>Something expected happened.</summary>
    void Info(string text);

    /// <summary>Something went wrong that the worker survives.</summary>
    void Warn(string text);
}

/// <summary>Drops everything.</summary>
public sealed class SilentLog : IWorkerLog
{
    /// <inheritdoc/>
    public void Info(string text)
    {
    }

    /// <inheritdoc/>
    public void Warn(string text)
    {
    }
}

/// <summary>
/// One line a message on standard error, with the time of day and the node. What silos, peers and files say is in it, so it is <see
/// cref="PlainText"/>.
/// </summary>
public sealed class ConsoleLog(string name) : IWorkerLog
{
    /// <inheritdoc/>
    public void Info(string text) => Write("info", text);

    /// <inheritdoc/>
    public void Warn(string text) => Write("warn", text);

    private void Write(string level, string text) =>
        Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss.fff} {level} {name}: {PlainText.Line(text)}");
}
