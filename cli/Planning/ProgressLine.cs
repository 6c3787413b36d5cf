using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Cli.Planning;

/// <summary>A bar on a terminal that shows how far a long computation is; nothing where the output is no terminal.</summary>
internal sealed class ProgressLine(string what, double whole, string unit) : IDisposable
{
    private const int Width = 30;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly bool visible = !Console.IsErrorRedirected;
    private readonly Stopwatch since = Stopwatch.StartNew();
    private TimeSpan next;

    /// <summary>So much is done.</summary>
    public void Show(double done)
    {
        if (!visible || since.Elapsed < next)
            return;
        next = since.Elapsed + Pause;
        var share = Math.Clamp(done / whole, 0, 1);
        var full = (int)(share * Width);
        Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{what}  [{new string('#', full)}{new string('.', Width - full)}] {done:0} of {whole:0.#} {unit}, {since.Elapsed.TotalSeconds:0} s "));
    }

    /// <summary>Takes the bar away.</summary>
    public void Dispose()
    {
        if (visible)
            Console.Error.Write($"\r{new string(' ', what.Length + Width + 40)}\r");
    }
}
