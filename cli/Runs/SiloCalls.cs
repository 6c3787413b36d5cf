using System.Diagnostics;
using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Server.Client;

namespace Coordinator.Cli.Runs;

/// <summary>
/// The calls of a run to its silo. A silo that is away is no error while it may come back: one of ours for as long as its supervisor keeps
/// it up, somebody else's for <see cref="Patience"/>. Every call of a run goes this way, so whatever is repeated must be harmless to repeat.
/// </summary>
public sealed class SiloCalls(CoordinatorClient client, LocalCluster? cluster)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    // A silo that is frozen answers nothing and closes nothing.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(30);

    /// <summary>How long a silo that is not ours may be away.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>What is safe, and what to do, where the patience ends.</summary>
    public Func<string> Remedy { get; init; } = () => "Run the command again.";

    /// <summary>Asks something short, and again while the silo is away.</summary>
    /// <exception cref="ClusterException">Our silo cannot be kept up.</exception>
    /// <exception cref="CommandException">The silo stays away.</exception>
    /// <exception cref="CoordinatorApiException">It refuses, and would again.</exception>
    public Task<T> AskAsync<T>(Func<CoordinatorClient, CancellationToken, Task<T>> call, CancellationToken cancel) => RepeatAsync(
        async () =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(AnswerTime);
            return await call(client, limit.Token);
        },
        cancel);

    /// <summary>Moves a big file, and again or on while the silo is away; the client sees to it that something moves.</summary>
    /// <inheritdoc cref="AskAsync"/>
    public Task<T> MoveAsync<T>(Func<CoordinatorClient, CancellationToken, Task<T>> call, CancellationToken cancel) => RepeatAsync(() => call(client, cancel), cancel);

    private async Task<T> RepeatAsync<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            Exception away;
            try
            {
                return await call();
            }
            catch (CoordinatorApiException gone) when (gone.MayRepeat)
            {
                away = gone;
            }
            catch (OperationCanceledException silent) when (!cancel.IsCancellationRequested)
            {
                away = new TimeoutException($"no silo answers at {client.Url} within {AnswerTime.TotalSeconds:0} s", silent);
            }

            if (cluster is { Failure.IsCompletedSuccessfully: true })
                throw new ClusterException(await cluster.Failure);
            if (cluster is null && clock.Elapsed >= Patience)
                throw new CommandException(ExitCodes.NotFound, $"{away.Message} (for {clock.Elapsed.TotalSeconds:0} s)", Remedy(), away);
            await Task.Delay(Pause, cancel);
        }
    }
}
