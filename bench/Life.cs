using System.Globalization;
using System.Text.RegularExpressions;
using Coordinator.Runs.Faults;

namespace Coordinator.Bench;

/// <summary>A schedule that does not hold: what was promised, and what came instead.</summary>
internal sealed class LifeException(string message) : Exception(message);

/// <summary>
/// A run from its first command to its model, with all commands that went on with it in between. It does what a supervisor does: starts
/// again what has not ended well, by the command that the last one named.
/// </summary>
internal sealed partial class Life(
    string folder,
    LifecycleJob job,
    string data,
    IReadOnlyList<string> more,
    SeededDraw draw,
    bool sameCommand,
    CancellationToken cancel) : IDisposable
{
    public const int Int = 2;
    public const int Hup = 1;
    public const int Kill = 9;
    public const int Usr1 = 10;
    public const int Term = 15;
    private const int MostCommands = 12;

    private readonly List<string> deeds = [];
    private LifecycleProcess? now;

    public LifecycleProcess Now => now ?? throw new InvalidOperationException("nothing was started");

    public SeededDraw Draw => draw;

    public string Directory => Path.Combine(folder, "run");

    public string Model => Path.Combine(folder, "model");

    public string Checkpoints => Path.Combine(Directory, "checkpoints");

    /// <summary>What was done, and how each command ended.</summary>
    public IReadOnlyList<string> Deeds => deeds;

    public int Commands { get; private set; }

    public CancellationToken Cancel => cancel;

    /// <summary>A command around each one that is started.</summary>
    public IReadOnlyList<string> Wrapper { get; set; } = [];

    /// <summary>Where the next command's output goes; null: it is read.</summary>
    public string? Output { get; set; }

    public void Train() =>
        Start(["train", "--data", data, "--workers", "2", "--work-dir", Directory, "--out", Model, .. job.Arguments, .. more]);

    public void Resume() => Start(["resume", Directory, .. more.SkipWhile(argument => argument != "--port").Take(2)]);

    public void Note(string deed) => deeds.Add(deed);

    /// <summary>
    /// Waits; what is to be hit may last for a millisecond only, so this looks without a pause for as long as it is
    /// <paramref name="sharp"/>.
    /// </summary>
    public async Task UntilAsync(string what, Func<bool> isSo, bool sharp = false)
    {
        while (!isSo())
        {
            cancel.ThrowIfCancellationRequested();
            if (Now.HasEnded) throw new LifeException($"the command ended while the schedule waited for {what}; it said:\n{Now.Output}");
            if (sharp) await Task.Yield();
            else await Task.Delay(10, cancel);
        }
    }

    public Task LineAsync(string part) => UntilAsync($"'{part}'", () => Now.Output.Contains(part, StringComparison.Ordinal));

    /// <summary>Waits for a step in the view's lines, which tell of it every two seconds.</summary>
    public Task StepAsync(long step) => UntilAsync($"step {step}", () => Steps().Any(shown => shown >= step));

    /// <summary>A group that is gone has ended one way or another; its exit code is looked at where the next command is chosen.</summary>
    public void KillGroup()
    {
        Note("SIGKILL to all");
        Now.SignalGroup(Kill);
    }

    public async Task EndAsync(int expected)
    {
        var code = await Now.EndAsync(cancel);
        if (code != expected)
            throw new LifeException($"'{Now.Arguments[0]}' ended with {code} where {expected} is right; it said:\n{Now.Output}");
    }

    /// <summary>Goes on until a command ends well.</summary>
    public async Task FinishAsync()
    {
        while (true)
        {
            var code = await Now.EndAsync(cancel);
            Note($"{Now.Arguments[0]}: exit {code}");
            var said = Now.Output;
            if (code == 134 || said.Contains("Unhandled exception", StringComparison.Ordinal))
                throw new LifeException($"it crashed:\n{said}");
            if (code == 0) return;
            if (Commands == MostCommands) throw new LifeException($"{MostCommands} commands did not finish it; the last one said:\n{said}");
            if (code == 75 && Now.IsHeard
                && !(said.Contains("is saved", StringComparison.Ordinal) || said.Contains("is safe", StringComparison.Ordinal)))
            {
                throw new LifeException($"exit code 75, and nothing was saved:\n{said}");
            }
            var again = sameCommand || said.Contains("run the command again", StringComparison.Ordinal)
                || said.Contains("coordinator train", StringComparison.Ordinal)
                || said.Contains("stopped; all processes", StringComparison.Ordinal) || !File.Exists(Path.Combine(Directory, "run.json"));
            if (code is not 137 and not 75 && !again && !said.Contains("coordinator resume", StringComparison.Ordinal))
                throw new LifeException($"exit code {code} names no command that goes on:\n{said}");
            if (again) Train();
            else Resume();
        }
    }

    public void Dispose() => now?.Dispose();

    private void Start(IReadOnlyList<string> arguments)
    {
        Commands++;
        now = new LifecycleProcess(arguments, Wrapper, Output);
    }

    private IEnumerable<long> Steps() =>
        StepLine().Matches(Now.Output).Select(line => long.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture));

    [GeneratedRegex(@"  step (\d+) of ")]
    private static partial Regex StepLine();
}
