using System.Diagnostics;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// The calls of a run to its silo. A silo that is away is no error while it may come back: one of ours for as long as its supervisor keeps
/// it up, somebody else's for <see cref="Patience"/>. One that is there and answers with an error all the time is waited for as long,
/// whosever it is. Every call of a run goes this way, so whatever is repeated must be harmless to repeat.
/// </summary>
public sealed class SiloCalls(CoordinatorClient client, LocalCluster? cluster)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    // A silo that is frozen answers nothing and closes nothing.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(5);

    // Longer than any limit after which a call that gets nowhere is given up.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(3);

    /// <summary>How long a silo that is not ours may be away, from the first failure since something moved.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>A transfer that was cut off after this time had moved something.</summary>
    internal TimeSpan MovingTime { get; init; } = TimeSpan.FromSeconds(5);

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
        moves: false,
        cancel);

    /// <summary>Moves a big file, and again or on while the silo is away; the client sees to it that something moves.</summary>
    /// <inheritdoc cref="AskAsync"/>
    public Task<T> MoveAsync<T>(Func<CoordinatorClient, CancellationToken, Task<T>> call, CancellationToken cancel) =>
        RepeatAsync(() => call(client, cancel), moves: true, cancel);

    private async Task<T> RepeatAsync<T>(Func<Task<T>> call, bool moves, CancellationToken cancel)
    {
        long? awaySince = null, refusedSince = null;
        var isSaid = false;
        while (true)
        {
            Exception away;
            var began = Stopwatch.GetTimestamp();
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
            var now = Stopwatch.GetTimestamp();
            if (moves && HasMoved(away, Stopwatch.GetElapsedTime(began, now)))
                awaySince = null;
            awaySince ??= now;
            refusedSince = away is CoordinatorApiException { Status: not null } ? refusedSince ?? now : null;
            var since = cluster is null ? awaySince : refusedSince;
            if (since is { } first && Stopwatch.GetElapsedTime(first, now) is var waited && waited >= Patience)
                throw new CommandException(ExitCodes.NotFound, $"{away.Message} (for {waited.TotalSeconds:0} s)", Remedy(), away);
            if (!isSaid && Stopwatch.GetElapsedTime(awaySince.Value, now) >= QuietTime)
            {
                isSaid = true;
                Console.Error.WriteLine($"{away.Message}; trying again");
            }

            await Task.Delay(Pause, cancel);
        }
    }

    /// <summary>
    /// Whether a transfer that failed had got on before: it was cut off after a while, or went on for longer than nothing may move.
    /// </summary>
    private bool HasMoved(Exception away, TimeSpan lasted)
    {
        if (away is CoordinatorApiException { Status: not null })
            return false;
        var wasConnected = away.InnerException is IOException
            or HttpRequestException
        {
            HttpRequestError: not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError)
        };
        return lasted >= (wasConnected ? MovingTime : LongestSilence);
    }
}
