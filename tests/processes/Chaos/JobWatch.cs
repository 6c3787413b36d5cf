using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Server.Client;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>
/// Follows a job through the API's long polls, across deaths of its silo. Every wait ends in time, and says what it waited for.
/// </summary>
public sealed class JobWatch(CoordinatorClient client, JobId job)
{
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(5);

    private readonly List<StoredEvent> events = [];
    private long next;

    /// <summary>Called with each event as it is read.</summary>
    public Action<StoredEvent>? OnEvent { get; init; }

    /// <summary>All events so far.</summary>
    public IReadOnlyList<StoredEvent> Events => events;

    /// <summary>What else is known, for the message of a wait that failed.</summary>
    public Func<string> Explain { get; init; } = () => "";

    /// <summary>Waits for the end, and takes down what is left of the run.</summary>
    public async Task<RunRecord> EndAsync(string modelPath)
    {
        var last = await UntilAsync(view => view.Phase is "finished" or "failed", "the end of the job");
        await EventAsync(stored => stored.Event.Kind is EventKinds.JobFinished or EventKinds.JobFailed, "the event of the end");
        using var limit = new CancellationTokenSource(ChaosRuns.Limit);
        var steps = await AskAsync(() => client.GetStepsAsync(job, limit: 10_000, cancel: limit.Token), limit.Token);
        var there = await AskAsync(() => client.DownloadModelAsync(job, modelPath, limit.Token), limit.Token);
        return new RunRecord(last, there ? await HashAsync(modelPath) : null, steps.Items, events);
    }

    /// <summary>Waits until the job looks so.</summary>
    public Task<JobView> UntilAsync(Func<JobView, bool> isSo, string what) => WaitAsync(what, async cancel =>
    {
        while (true)
        {
            if (await AskAsync(() => client.GetJobAsync(job, cancel), cancel) is { } view && isSo(view))
                return view;
            await ReadAsync(TimeSpan.FromMilliseconds(250), cancel);
        }
    });

    /// <summary>Waits for an event, of those that were read already too.</summary>
    public Task<StoredEvent> EventAsync(Func<StoredEvent, bool> isWanted, string what) => WaitAsync(what, async cancel =>
    {
        while (true)
        {
            if (events.Find(stored => isWanted(stored)) is { } found)
                return found;
            await ReadAsync(LongPoll, cancel);
        }
    });

    public static async Task<string> HashAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file));
    }

    /// <summary>Asks until a silo answers.</summary>
    public static async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancel)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (Exception away) when (away is CoordinatorApiException { MayRepeat: true } or HttpRequestException or IOException)
            {
                await pace.WaitForNextTickAsync(cancel);
            }
        }
    }

    private async Task ReadAsync(TimeSpan wait, CancellationToken cancel)
    {
        var page = await AskAsync(() => client.GetEventsAsync(job, next, wait: wait, cancel: cancel), cancel);
        next = page.Next;
        foreach (var stored in page.Items)
        {
            events.Add(stored);
            OnEvent?.Invoke(stored);
        }
    }

    private async Task<T> WaitAsync<T>(string what, Func<CancellationToken, Task<T>> wait)
    {
        using var limit = new CancellationTokenSource(ChaosRuns.Limit);
        try
        {
            return await wait(limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            var story = string.Concat(events.TakeLast(25).Select(
                stored => $"\n  {stored.Time:HH:mm:ss.fff} {stored.Event.Kind} {stored.Event.Cause} {stored.Event.Text}"));
            throw new TimeoutException($"waited {ChaosRuns.Limit.TotalSeconds:0} s for {what}; the last events:{story}\n{Explain()}");
        }
    }
}
