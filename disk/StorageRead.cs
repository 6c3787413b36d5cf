namespace Coordinator.Disk;

/// <summary>
/// Reading from storage that may never answer: a file system over a network whose server is dead holds its readers for ever, and nothing
/// wakes them. So it runs on a thread of its own, which whoever waits leaves behind once no byte has come for a time. The thread ends when
/// the storage answers, or with the process. What is read is handed over in pieces, each of which shows that the storage is alive: a slow
/// one is waited for however long it takes in all.
/// <para>
/// Silence is counted in looks of a second at most, not by the clock: a process that was stopped, or got no processor, has not listened
/// meanwhile, and that is no fault of the storage.
/// </para>
/// </summary>
public sealed class StorageRead
{
    /// <summary>How long storage may say nothing. A disk that spins up, or a server that fails over, takes some ten seconds.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(1);

    private readonly string what;
    private readonly CancellationToken abandon;
    private int pieces;
    private volatile bool isGivenUp;

    private StorageRead(string what, CancellationToken abandon) => (this.what, this.abandon) = (what, abandon);

    /// <summary>Reads; what the reading throws comes out of the task.</summary>
    /// <param name="what">What is read, for the message.</param>
    /// <param name="limit">How long the storage may say nothing.</param>
    /// <param name="read">The reading; it calls <see cref="Moved"/> after every piece.</param>
    /// <param name="abandon">Gives it up earlier.</param>
    /// <exception cref="StorageTimeoutException">Nothing came for the time.</exception>
    public static Task<T> RunAsync<T>(string what, TimeSpan limit, Func<StorageRead, T> read, CancellationToken abandon = default) =>
        RunAsync(what, () => limit, read, abandon: abandon);

    /// <summary>As the other one, with a limit that may change while it reads: somebody may begin to wait.</summary>
    /// <param name="what">What is read, for the message.</param>
    /// <param name="limit">How long the storage may say nothing; asked at every look.</param>
    /// <param name="read">The reading; it calls <see cref="Moved"/> after every piece.</param>
    /// <param name="time">The clock; null: the system's.</param>
    /// <param name="abandon">Gives it up earlier.</param>
    /// <exception cref="StorageTimeoutException">Nothing came for the time.</exception>
    public static async Task<T> RunAsync<T>(
        string what, Func<TimeSpan> limit, Func<StorageRead, T> read, TimeProvider? time = null, CancellationToken abandon = default)
    {
        var reading = new StorageRead(what, abandon);
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.TrySetResult(read(reading));
            }
            catch (Exception e)
            {
                done.TrySetException(e);
            }
        })
        {
            IsBackground = true,
            Name = "storage",
        }.Start();
        var (silence, seen) = (TimeSpan.Zero, 0);
        while (true)
        {
            var most = limit();
            var look = most < LongestLook ? most : LongestLook;
            try
            {
                return await done.Task.WaitAsync(look, time ?? TimeProvider.System, abandon).ConfigureAwait(false);
            }
            catch (TimeoutException) when (done.Task.IsCompleted)
            {
                // It was done at the last moment, or threw this itself: the next round takes it out.
                return await done.Task.ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                var come = Volatile.Read(ref reading.pieces);
                silence = come == seen ? silence + look : TimeSpan.Zero;
                seen = come;
                if (silence < most)
                    continue;
                reading.isGivenUp = true;
                Forget(done.Task);
                throw new StorageTimeoutException($"{what}: its storage did not answer within {most.TotalSeconds:0.##} s; see whether its "
                    + "file system, or the server behind it, is alive");
            }
            catch (OperationCanceledException) when (!done.Task.IsCompleted)
            {
                reading.isGivenUp = true;
                Forget(done.Task);
                throw;
            }
        }
    }

    /// <summary>A piece came. Ends the reading where nobody waits for it any more.</summary>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public void Moved()
    {
        if (isGivenUp || abandon.IsCancellationRequested)
            throw new OperationCanceledException($"{what}: nobody waits for it any more");
        Interlocked.Increment(ref pieces);
    }

    /// <summary>What it throws one day is of no interest.</summary>
    private static void Forget(Task task) =>
        _ = task.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
}
