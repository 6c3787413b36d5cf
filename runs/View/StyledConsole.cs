using System.Text;
using Coordinator.Server.Hosting;
using Spectre.Console;

namespace Coordinator.Runs.View;

/// <summary>
/// Standard output for Spectre.Console, which draws and colours on purpose: it goes past the filter of everything else that is printed
/// (<see cref="StandardStreams"/>), so every foreign text in what is drawn has to be plain before.
/// </summary>
public sealed class StyledConsole : IAnsiConsoleOutput
{
    private const int DefaultWidth = 80;
    private const int DefaultHeight = 24;

    /// <inheritdoc/>
    public TextWriter Writer => StandardStreams.StyledOutput;

    /// <inheritdoc/>
    public bool IsTerminal => !Console.IsOutputRedirected;

    /// <inheritdoc/>
    public int Width => Size(() => Console.WindowWidth, DefaultWidth);

    /// <inheritdoc/>
    public int Height => Size(() => Console.WindowHeight, DefaultHeight);

    /// <summary>Makes it what Spectre.Console writes to. Once in a process, behind <see cref="StandardStreams.Protect"/>.</summary>
    public static void Install() => AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new StyledConsole() });

    /// <inheritdoc/>
    public void SetEncoding(Encoding encoding)
    {
        // The stream was opened with the console's own.
    }

    private int Size(Func<int> ask, int otherwise)
    {
        try
        {
            return IsTerminal && ask() is > 0 and var size ? size : otherwise;
        }
        catch (IOException)
        {
            // A terminal that does not say how large it is.
            return otherwise;
        }
    }
}
