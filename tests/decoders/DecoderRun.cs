using System.Diagnostics;

namespace Coordinator.Decoders;

/// <summary>What a target's inputs came to.</summary>
/// <param name="Name">The target.</param>
/// <param name="Inputs">Inputs that were fed.</param>
/// <param name="Accepted">Those that were accepted.</param>
/// <param name="MostAllocated">Bytes that one input made the reader allocate at most.</param>
/// <param name="NearestLimit">The largest part of its limit that an input used, 0 to 1.</param>
/// <param name="Slowest">Longest time that one input took.</param>
/// <param name="Took">Time for all.</param>
public sealed record DecoderReport(
    string Name, long Inputs, long Accepted, long MostAllocated, double NearestLimit, TimeSpan Slowest, TimeSpan Took)
{
    /// <summary>Inputs that were refused in a declared way.</summary>
    public long Refused => Inputs - Accepted;
}

/// <summary>
/// Feeds a target with inputs drawn from a seed: valid ones, which must be accepted, spoiled ones, and noise. Each is watched: what it
/// throws, what it allocates, how long it takes. Input i of a seed is the same wherever it is run.
/// </summary>
public sealed class DecoderRun
{
    /// <summary>An input that takes longer hangs. Reading one takes microseconds; what is left is for machines that do much else.</summary>
    public static readonly TimeSpan HangLimit = TimeSpan.FromSeconds(20);

    // Caches that readers fill once belong to none of the inputs.
    private const int WarmUp = 300;

    private readonly DecoderTarget target;
    private readonly ulong seed;
    private long current;
    private long begun;

    private DecoderRun(DecoderTarget target, ulong seed) => (this.target, this.seed) = (target, seed);

    /// <summary>Feeds inputs 0 to <paramref name="inputs"/> - 1.</summary>
    /// <exception cref="DecoderFailedException">One of them was answered in a way that is not declared, took too much memory, or never came
    /// to an end.</exception>
    public static DecoderReport Feed(DecoderTarget target, ulong seed, long inputs)
    {
        var run = new DecoderRun(target, seed);
        DecoderReport? report = null;
        Exception? failed = null;
        Volatile.Write(ref run.begun, Stopwatch.GetTimestamp());
        var thread = new Thread(() =>
        {
            try
            {
                run.Feed(Math.Min(WarmUp, inputs));
                report = run.Feed(inputs);
            }
            catch (Exception e)
            {
                failed = e;
            }
        })
        { IsBackground = true, Name = $"decoder {target.Name}" };
        thread.Start();
        while (!thread.Join(TimeSpan.FromMilliseconds(200)))
        {
            var index = Volatile.Read(ref run.current);
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref run.begun)) > HangLimit && index == Volatile.Read(ref run.current))
            {
                throw new DecoderFailedException(
                    target.Name, seed, index, $"does not come to an end within {HangLimit.TotalSeconds:0} s", null);
            }
        }

        if (failed is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
        return report!;
    }

    private DecoderReport Feed(long inputs)
    {
        var clock = Stopwatch.StartNew();
        long accepted = 0;
        long mostAllocated = 0;
        double nearest = 0;
        var slowest = TimeSpan.Zero;
        for (long index = 0; index < inputs; index++)
        {
            var dice = new Dice(seed ^ ((ulong)index * 0xD1B54A32D192ED03));
            if (index % target.RowLength == 0)
                target.Begin(dice);
            var (input, isValid) = Draw(dice);
            Volatile.Write(ref current, index);
            Volatile.Write(ref begun, Stopwatch.GetTimestamp());
            var before = Allocated();
            if (FeedOne(input, index, isValid))
                accepted++;
            var allocated = Allocated() - before;
            var limit = target.MostAllocated(input.Length);
            if (allocated > limit && index >= WarmUp)
            {
                throw new DecoderFailedException(
                    target.Name,
                    seed,
                    index,
                    $"{input.Length} bytes made it allocate {allocated} bytes, and {limit} are its limit: {Shown(input)}",
                    null);
            }
            var took = Stopwatch.GetElapsedTime(begun);
            slowest = took > slowest ? took : slowest;
            if (index < WarmUp)
                continue;
            mostAllocated = Math.Max(mostAllocated, allocated);
            nearest = Math.Max(nearest, (double)allocated / limit);
        }

        return new DecoderReport(target.Name, inputs, accepted, mostAllocated, nearest, slowest, clock.Elapsed);
    }

    private (byte[] Input, bool IsValid) Draw(Dice dice) => dice.Below(20) switch
    {
        < 4 => (target.Make(dice), true),
        19 => (dice.Bytes(dice.Below(512)), false),
        18 when target.Fragments.Count > 0 => ([.. Enumerable.Range(0, dice.Below(40)).SelectMany(_ => dice.Of(target.Fragments))], false),
        _ => (Mutation.Of(target.Make(dice), dice, target.Fragments), false),
    };

    private bool FeedOne(byte[] input, long index, bool isValid)
    {
        bool accepted;
        try
        {
            accepted = target.Read(input);
        }
        catch (Exception e)
        {
            throw new DecoderFailedException(target.Name, seed, index, $"{e.GetType().Name}: {e.Message}: {Shown(input)}", e);
        }

        return accepted || !isValid ? accepted : throw new DecoderFailedException(
            target.Name, seed, index, $"a valid input was refused: {Shown(input)}", null);
    }

    private long Allocated() => target.UsesOtherThreads ? GC.GetTotalAllocatedBytes() : GC.GetAllocatedBytesForCurrentThread();

    private static string Shown(byte[] input)
    {
        const int Most = 4000;
        var text = string.Concat(
            input.Take(Most).Select(one => one is >= 0x20 and < 0x7F and not (byte)'\\' ? ((char)one).ToString() : $"\\x{one:x2}"));
        return input.Length > Most ? text + "..." : text;
    }
}
