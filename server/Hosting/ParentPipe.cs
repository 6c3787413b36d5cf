using System.Diagnostics;

namespace Coordinator.Server.Hosting;

/// <summary>
/// A child's guard against outliving its parent: standard input is a pipe that the parent holds and never writes to, so its end
/// means that the parent stopped us or is gone, even by SIGKILL. Linux's parent-death signal is not used: it fires when the
/// <em>thread</em> that started us ends, and a pool thread of .NET may end at any time.
/// </summary>
public static class ParentPipe
{
    /// <summary>Watches standard input from a thread of its own.</summary>
    /// <param name="grace">Time that <paramref name="onEnd"/> has to end the process before it is killed from inside.</param>
    /// <param name="onEnd">Asks the process to end.</param>
    public static void Watch(TimeSpan grace, Action onEnd)
    {
        var watcher = new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            Span<byte> ignored = stackalloc byte[64];
            try
            {
                while (input.Read(ignored) > 0)
                {
                    // The parent has nothing to say; only the end of the pipe means something.
                }
            }
            catch (IOException)
            {
                // A broken pipe is an end, too.
            }

            onEnd();
            Thread.Sleep(grace);
            using var self = Process.GetCurrentProcess();
            self.Kill();
        })
        { IsBackground = true, Name = "parent pipe" };
        watcher.Start();
    }
}
