using System.Text;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Api;
using Coordinator.Server.Client;

namespace Coordinator.Runs.Gangs;

/// <summary>
/// Reads on in the log of one rank, from generation to generation. It asks again and again: what it has not read yet lies on the node's
/// disk, so however slowly it reads, it stops no program; what the log has dropped meanwhile is told as missing.
/// </summary>
public sealed class LogFollower(SiloCalls calls, JobId job, int rank, LogPrinter printer)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(150);

    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder unfinished = new();
    private long generation;
    private long place;
    private NodeId? node;

    /// <summary>Prints what is there, and what comes until the run is over and all of its log is read.</summary>
    /// <param name="view">The run as it is now; null: nothing is known yet.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task FollowAsync(Func<GangView?> view, CancellationToken cancel)
    {
        while (true)
        {
            var now = view();
            if (now is { Generation: > 0 } && (generation == 0 || (generation < now.Generation && await IsReadAsync(cancel))))
                Begin(generation == 0 ? now.Generation : generation + 1, now);
            var read = generation > 0 && await ReadAsync(cancel);
            if (!read && now is { Phase: "finished" or "failed" } && generation >= now.Generation)
                return;
            if (!read)
                await Task.Delay(Pause, cancel);
        }
    }

    /// <summary>Prints what is there.</summary>
    /// <param name="from">Generation; null: the newest.</param>
    /// <param name="start">Place; below 0: so many bytes before the end.</param>
    /// <param name="at">Node that has it; null: the one that the rank is on.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>Whether there is such a log.</returns>
    public async Task<bool> PrintAsync(long? from, long start, NodeId? at, CancellationToken cancel)
    {
        (place, node) = (start, at);
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

    private void Begin(long next, GangView now)
    {
        (generation, place, node) = (next, 0, null);
        unfinished.Clear();
        decoder.Reset();
        if (next == now.Generation && now.Nodes.FirstOrDefault(one => one.Index == rank / now.Spec.GpusPerNode) is { } there)
            node = there.Node;
    }

    /// <summary>Whether all of the earlier generation's log was read, or there is nobody any more who has it.</summary>
    private async Task<bool> IsReadAsync(CancellationToken cancel) => !await ReadAsync(cancel);

    private async Task<bool> ReadAsync(CancellationToken cancel)
    {
        if (await AskAsync(generation, cancel) is not { Found: true } piece)
            return false;
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
                        return await silo.GetGangLogAsync(job, rank, of, place, node, limit);
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
