using System.Text;
using Coordinator.Machines;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Api;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Gangs;

/// <summary>
/// Reads on in the log of one rank, from generation to generation; of a training job, from start to start of its program, and to the gpu
/// that has the rank now once all was read of the one that had it. It asks again and again: what it has not read yet lies on the node's
/// disk, so however slowly it reads, it stops no program; what the log has dropped meanwhile is told as missing.
/// </summary>
public sealed class LogFollower(SiloCalls calls, JobId job, bool trains, int rank, LogPrinter printer)
{
    private const int LooksAtTheEnd = 10;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(150);

    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder unfinished = new();
    private readonly Dictionary<(NodeId Node, int Gpu), (long Generation, long Place)> known = [];
    private long generation;
    private long newest;
    private long place;
    private NodeId? node;
    private int? gpu;
    private bool begun;

    /// <summary>Prints what is there, and what comes until the run is over and all of its log is read.</summary>
    /// <param name="target">Where the rank is now; null: nothing is known yet.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task FollowAsync(Func<LogTarget?> target, CancellationToken cancel)
    {
        for (var quiet = 0; ;)
        {
            var now = target();
            if (!begun && now is { } first && (first.Generation > 0 || first.Gpu is not null))
                Begin(first, first.Generation);
            if (begun && await ReadAsync(cancel))
            {
                quiet = 0;
                continue;
            }

            if (now is { } there && begun && NextOf(there) is { } next)
            {
                Begin(there, next);
                continue;
            }

            // A program of a training job has its last words when the job is over: it hears that from its worker, a moment later.
            if (now is { IsOver: true } && (!trains || !begun || ++quiet > LooksAtTheEnd))
                return;
            await Task.Delay(Pause, cancel);
        }
    }

    /// <summary>Prints what is there.</summary>
    /// <param name="from">Generation; null: the newest.</param>
    /// <param name="start">Place; below 0: so many bytes before the end.</param>
    /// <param name="at">Node that has it; null: the one that the rank is on.</param>
    /// <param name="index">Gpu there, where the job trains; null: the rank's.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Whether there is such a log.</returns>
    public async Task<bool> PrintAsync(long? from, long start, NodeId? at, int? index, CancellationToken cancel)
    {
        (place, node, gpu) = (start, at, index);
        var found = false;
        while (await AskAsync(from, cancel) is { Found: true } piece)
        {
            (found, from, generation) = (true, piece.Generation, piece.Generation);
            Take(piece);
            if (place >= piece.End)
                break;
        }

        return found;
    }

    /// <summary>The generation to be read next, there where the rank is; null: all of it was read.</summary>
    private long? NextOf(LogTarget now)
    {
        if (!trains)
            return generation < now.Generation ? generation + 1 : null;
        if (newest > generation)
            return generation + 1;
        return now.Gpu is not null && (now.Node, now.Gpu) != (node, gpu) ? 0 : null;
    }

    private void Begin(LogTarget now, long next)
    {
        if (trains && node is { } before && gpu is { } index)
            known[(before, index)] = (generation, place);
        begun = true;
        unfinished.Clear();
        decoder.Reset();
        if (trains && next > 0)
        {
            (generation, place) = (next, 0);
            return;
        }

        (generation, newest, place) = (next, next, 0);
        (node, gpu) = trains || next == now.Generation ? (now.Node, now.Gpu) : (null, null);

        // A rank that comes back to where it was reads on there.
        if (trains && node is { } to && gpu is { } device && known.TryGetValue((to, device), out var read))
            (generation, newest, place) = (read.Generation, read.Generation, read.Place);
    }

    private async Task<bool> ReadAsync(CancellationToken cancel)
    {
        if (await AskAsync(generation > 0 ? generation : null, cancel) is not { } piece)
            return false;
        newest = Math.Max(newest, piece.Newest);
        if (!piece.Found)
            return false;
        generation = piece.Generation;
        node ??= piece.Node;
        return Take(piece);
    }

    private async Task<LogBody?> AskAsync(long? of, CancellationToken cancel)
    {
        try
        {
            return await calls.AskAsync(
                async (silo, limit) =>
                {
                    try
                    {
                        return trains
                            ? await silo.GetJobLogAsync(job, rank, of, place, node, gpu, limit)
                            : await silo.GetGangLogAsync(job, rank, of, place, node, limit);
                    }
                    catch (CoordinatorApiException away) when (away.Status == System.Net.HttpStatusCode.ServiceUnavailable)
                    {
                        // The node is away, and the silo is not.
                        return null;
                    }
                },
                cancel);
        }
        catch (CommandException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    private bool Take(LogBody piece)
    {
        if (place > 0 && piece.From > place)
        {
            printer.Print(rank, new LogLine(
                "", "coordinator", true, $"{piece.From - place} bytes are missing here: the log is bounded, and was read too slowly"));
        }
        var bytes = Convert.FromBase64String(piece.Bytes);
        place = piece.From + bytes.Length;
        var text = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
        unfinished.Append(text, 0, decoder.GetChars(bytes, text, flush: false));
        var lines = unfinished.ToString().Split('\n');
        unfinished.Clear().Append(lines[^1]);
        foreach (var line in lines[..^1])
            printer.Print(rank, LogLine.Parse(line));
        return bytes.Length > 0;
    }
}
