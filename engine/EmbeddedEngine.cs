using Coordinator.Machines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Engine;

/// <summary>
/// Hosts the grains of one process. One thread runs all turns, another one commits; everyone else only leaves messages and
/// questions at the door. When idle both threads sleep, and one timer wakes them for the earliest deadline. In a burst,
/// messages are taken in at once and their commits are grouped.
/// </summary>
public sealed class EmbeddedEngine : IAsyncDisposable
{
    private readonly EngineOptions options;
    private readonly EngineCore core;
    private readonly IEngineStore store;
    private readonly ILogger logger;
    private readonly CommitThread commits;
    private readonly long startedAt;
    private readonly Thread dispatcher;
    private readonly ITimer timer;
    private readonly TaskCompletionSource stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Guarded by the gate: what others left at the door.
    private readonly object gate = new();
    private List<Envelope> inbox = [];
    private readonly List<Question> questions = [];
    private CommitOutcome? committed;
    private bool woken;
    private bool stopping;
    private bool closed;

    // Used by the dispatch thread only.
    private List<Envelope> taken = [];
    private readonly List<Question> asked = [];
    private TimeSpan? armedFor;

    /// <summary>An engine that does not run yet.</summary>
    public EmbeddedEngine(EngineOptions options, IEngineStore store, IWorkerLinks links, ILoggerFactory? loggers = null)
    {
        loggers ??= NullLoggerFactory.Instance;
        this.options = options;
        this.store = store;
        logger = loggers.CreateLogger<EmbeddedEngine>();
        core = new EngineCore(options, store, links, loggers.CreateLogger<EngineCore>());
        commits = new CommitThread(store, CommitEnded);
        startedAt = options.TimeProvider.GetTimestamp();
        timer = options.TimeProvider.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        dispatcher = new Thread(Dispatch) { IsBackground = true, Name = "engine turns" };
    }

    /// <summary>Why the engine is of no use at the moment, in words for people; null while it is well. Thread-safe.</summary>
    public string? Problem
    {
        get
        {
            if (core.Broken)
                return "a machine broke an invariant";
            return core.StorageAway ? "storage does not answer" : null;
        }
    }

    private TimeSpan Now => options.TimeProvider.GetElapsedTime(startedAt);

    /// <summary>Reads which grains are stored, starts the threads, and wakes the stored cluster and jobs.</summary>
    /// <exception cref="Exception">Storage cannot be read; whatever it threw.</exception>
    public void Start()
    {
        core.Start();
        commits.Start();
        dispatcher.Start();
    }

    /// <summary>Leaves a message for a grain, which comes to life if need be. Messages of one thread keep their order. Thread-safe; after the stop nothing happens.</summary>
    public void Post(GrainAddress to, GrainMessage message)
    {
        lock (gate)
        {
            inbox.Add(new Envelope(to, message));
            if (inbox.Count == 1)
                Monitor.Pulse(gate);
        }
    }

    /// <summary>Leaves a message for a grain, and ends when the turn that handled it is durable, with all of the grain's turns before it. Thread-safe.</summary>
    /// <returns>False: the message or its turn was lost, since another writer's state stands in storage or there is no such grain.</returns>
    /// <exception cref="ObjectDisposedException">The engine has stopped; what became of the message is not known.</exception>
    public async Task<bool> DeliverAsync(GrainAddress to, GrainMessage message)
    {
        var ended = new TurnEnd();
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closed, this);
            inbox.Add(new Envelope(to, message, ended));
            if (inbox.Count == 1)
                Monitor.Pulse(gate);
        }

        await Task.WhenAny(ended.Durable, stopped.Task).ConfigureAwait(false);
        return ended.Durable.IsCompleted ? await ended.Durable.ConfigureAwait(false) : throw new ObjectDisposedException(nameof(EmbeddedEngine), "the engine has stopped");
    }

    /// <summary>The grain's view as JSON, after all messages left before; null for a grain that does not exist. Asking creates none. Thread-safe.</summary>
    /// <exception cref="ObjectDisposedException">The engine has stopped.</exception>
    public async Task<string?> DescribeAsync(GrainAddress address)
    {
        var question = new Question(address);
        Ask(question);
        return await question.Answer.Task.ConfigureAwait(false);
    }

    /// <summary>All grains of a kind that are stored or had a turn, sorted by key. Thread-safe.</summary>
    public IReadOnlyList<GrainAddress> Known(GrainKind kind) => core.Known(kind);

    /// <summary>Ends when nothing is left to do until a message comes or time passes. Thread-safe.</summary>
    /// <exception cref="ObjectDisposedException">The engine has stopped.</exception>
    public async Task WhenSettledAsync()
    {
        var question = new Question(null);
        Ask(question);
        await question.Answer.Task.ConfigureAwait(false);
    }

    /// <summary>Runs no further turn, stores what waits (one try) and lets the sends behind it leave. Repeatable.</summary>
    public async Task StopAsync()
    {
        lock (gate)
        {
            stopping = true;
            if (!dispatcher.IsAlive)
            {
                closed = true;
                stopped.TrySetResult();
            }

            Monitor.Pulse(gate);
        }

        await stopped.Task.ConfigureAwait(false);
        await timer.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private void Ask(Question question)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closed, this);
            questions.Add(question);
            Monitor.Pulse(gate);
        }
    }

    private void Wake()
    {
        lock (gate)
        {
            woken = true;
            Monitor.Pulse(gate);
        }
    }

    private void CommitEnded(CommitOutcome outcome)
    {
        lock (gate)
        {
            committed = outcome;
            Monitor.Pulse(gate);
        }
    }

    private void Dispatch()
    {
        var rest = false;
        while (TakeIn(rest, out var outcome))
        {
            var now = Now;
            if (outcome is not null)
                Report(now, outcome);
            core.RunTurns(now, options.TimeProvider.GetUtcNow(), options.TurnsPerRound);
            if (core.TakeCommit(now) is { } batch)
                commits.Begin(batch);
            Answer(now);
            rest = !core.HasWork && !(core.NextWake <= now);
        }

        ShutDown();
    }

    /// <summary>Waits (if the engine may rest) until there is something to do, and takes it in.</summary>
    /// <returns>False when the engine is to stop.</returns>
    private bool TakeIn(bool rest, out CommitOutcome? outcome)
    {
        if (rest)
            ArmTimer();
        bool goOn;
        lock (gate)
        {
            while (rest && !stopping && !woken && committed is null && inbox.Count == 0 && questions.Count == 0)
                Monitor.Wait(gate);
            if (woken)
                armedFor = null;
            woken = false;
            outcome = committed;
            committed = null;
            (inbox, taken) = (taken, inbox);
            asked.AddRange(questions);
            questions.Clear();
            goOn = !stopping;
        }

        foreach (var envelope in taken)
            core.Post(envelope);
        taken.Clear();
        foreach (var question in asked)
            question.After ??= core.Progress.Queued;
        return goOn;
    }

    private void Report(TimeSpan now, CommitOutcome outcome)
    {
        if (outcome.Result is { } result)
            core.CommitEnded(now, result);
        else
            core.CommitFailed(now, outcome.Failure!);
    }

    private void Answer(TimeSpan now)
    {
        // A question about a grain waits for the messages left before it, but not for storage to come back.
        var done = core.Saturated || core.Broken ? long.MaxValue : core.Progress.Taken;
        asked.RemoveAll(question => question.About is { } grain
            ? question.After <= done && question.TryAnswer(() => core.Describe(now, grain))
            : core.IsSettled(now) && question.TryAnswer(() => null));
    }

    private void ArmTimer()
    {
        if (core.NextWake is not { } wake || armedFor <= wake)
            return;
        armedFor = wake;

        // Timers count whole milliseconds; waking early would only mean going to sleep again.
        var milliseconds = Math.Max(1, Math.Ceiling((wake - Now).TotalMilliseconds));
        timer.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }

    private void ShutDown()
    {
        // The commit thread ends with the commit that it is at, whose outcome may therefore still come.
        commits.Stop();
        lock (gate)
        {
            closed = true;
            asked.AddRange(questions);
        }

        if (committed is not null)
            Report(Now, committed);
        while (core.TakeCommit(TimeSpan.MaxValue) is { } batch)
        {
            var outcome = CommitThread.Try(store, batch);
            Report(Now, outcome);
            if (outcome.Failure is not null)
                break;
        }

        if (core.WaitingOutputs > 0)
            EngineLog.StoppedUnstored(logger, core.WaitingOutputs);
        foreach (var question in asked)
            question.Answer.TrySetException(new ObjectDisposedException(nameof(EmbeddedEngine), "the engine has stopped"));
        stopped.TrySetResult();
    }
}
