using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>
/// Compares what an engine did with what a step expects. What a worker was told is read in order: an expectation that is met moves on
/// behind what met it, and the next one about that node looks from there.
/// </summary>
internal sealed class Expectations(Stage stage)
{
    private readonly Dictionary<string, int> read = [];
    private int forgotten;
    private int eventsForgotten;

    /// <summary>What was said and stored so far is of no more interest.</summary>
    public async Task ForgetAsync()
    {
        forgotten = stage.Sent.Count;
        eventsForgotten = (await stage.Engine.ReadEventsAsync().ConfigureAwait(false)).Count;
        read.Clear();
    }

    /// <exception cref="TranscriptFailedException">It is not as expected.</exception>
    public async Task CheckAsync(List<string> expected)
    {
        switch (expected)
        {
            case [var node, "told", var kind, .. var fields] when !char.IsDigit(kind[0]):
                Told(node, kind, fields);
                break;
            case [var node, "told", var times, var kind, .. var fields]:
                ToldTimes(node, forgotten, Times(times), kind, fields);
                break;
            case [var node, "not", "told", var kind, .. var fields]:
                ToldTimes(node, read.GetValueOrDefault(node, forgotten), 0, kind, fields);
                break;
            case ["event", var times, var kind, .. var fields] when char.IsDigit(times[0]):
                await EventAsync(count => count == Times(times), times, kind, fields).ConfigureAwait(false);
                break;
            case ["event", var kind, .. var fields]:
                await EventAsync(count => count > 0, "one", kind, fields).ConfigureAwait(false);
                break;
            case ["no", "event", var kind, .. var fields]:
                await EventAsync(count => count == 0, "none", kind, fields).ConfigureAwait(false);
                break;
            case ["events", "in", "order", .. var kinds]:
                await EventsInOrderAsync(kinds).ConfigureAwait(false);
                break;
            case ["view", var grain, .. var fields]:
                var view = await stage.Engine.DescribeAsync(Words.Grain(grain)).ConfigureAwait(false);
                Compare($"the view of {grain}", view, fields);
                break;
            case ["stored", var grain, .. var fields]:
                var state = await stage.Engine.ReadStateAsync(Words.Grain(grain)).ConfigureAwait(false);
                Compare($"what is stored of {grain}", state?.StateJson, fields);
                break;
            case ["nothing", "stored", var grain]:
                Require(
                    await stage.Engine.ReadStateAsync(Words.Grain(grain)).ConfigureAwait(false) is null, $"something is stored of {grain}");
                break;
            case ["steps", var job, var run]:
                await StepsAsync(job, run).ConfigureAwait(false);
                break;
            default:
                throw new FormatException($"no such expectation: {string.Join(' ', expected)}");
        }
    }

    private static int Times(string text) => int.Parse(text.TrimEnd('x'), CultureInfo.InvariantCulture);

    private void Told(string node, string kind, List<string> fields)
    {
        for (var i = read.GetValueOrDefault(node, forgotten); i < stage.Sent.Count; i++)
        {
            if (!IsMatch(stage.Sent[i], node, kind, fields))
                continue;
            read[node] = i + 1;
            return;
        }

        throw new TranscriptFailedException($"{node} was not told so; {Heard(node, read.GetValueOrDefault(node, forgotten))}");
    }

    private void ToldTimes(string node, int from, int times, string kind, List<string> fields)
    {
        var found = stage.Sent.Skip(from).Count(send => IsMatch(send, node, kind, fields));
        Require(found == times, $"{node} was told so {found} times, not {times}; {Heard(node, from)}");
    }

    private async Task EventAsync(Predicate<int> fits, string wanted, string kind, List<string> fields)
    {
        var events = await EventsAsync().ConfigureAwait(false);
        var found = events.Count(stored =>
            stored.Kind == kind && Fields.Match(JsonSerializer.SerializeToNode(stored, MachinesJson.Default.CoordinatorEvent), fields));
        Require(
            fits(found),
            $"{found} such events are stored, not {wanted}; there are {string.Join(", ", events.Select(stored => stored.Kind))}");
    }

    private async Task EventsInOrderAsync(List<string> kinds)
    {
        var next = 0;
        var events = await EventsAsync().ConfigureAwait(false);
        foreach (var stored in events)
        {
            if (next < kinds.Count && stored.Kind == kinds[next])
                next++;
        }

        Require(next == kinds.Count, $"'{(next < kinds.Count ? kinds[next] : "")}' does not follow; stored are "
            + $"{string.Join(", ", events.Select(stored => stored.Kind))}");
    }

    private async Task<IReadOnlyList<CoordinatorEvent>> EventsAsync()
    {
        var all = await stage.Engine.ReadEventsAsync().ConfigureAwait(false);
        return [.. all.Skip(eventsForgotten)];
    }

    private async Task StepsAsync(string job, string run)
    {
        var steps = (await stage.Engine.ReadStepsAsync(new JobId(job)).ConfigureAwait(false)).Select(step => step.Step).ToArray();
        var (first, last) = run == "none" ? (1, 0) : Fields.Run(run);
        long[] wanted = [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => first + i)];
        Require(steps.SequenceEqual(wanted), $"recorded are {(steps.Length == 0 ? "no steps" : string.Join(", ", steps))}");
    }

    private static void Compare(string what, string? json, List<string> fields)
    {
        if (json is null or "null")
            throw new TranscriptFailedException($"{what} is not there");
        Require(Fields.Match(JsonNode.Parse(json), fields), $"{what} is {json}");
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new TranscriptFailedException(otherwise);
    }

    private string Heard(string node, int from)
    {
        var heard = stage.Sent.Skip(from).Where(send => send.Node.Value == node).Select(send => Flatten(send.Message))
            .Select(pair => $"{pair.Kind} {pair.Fields.ToJsonString()}").ToArray();
        return heard.Length == 0 ? "it heard nothing" : $"it heard\n  {string.Join("\n  ", heard.TakeLast(12))}";
    }

    private static bool IsMatch(SendToWorker send, string node, string kind, List<string> fields)
    {
        if (send.Node.Value != node)
            return false;
        var (found, body) = Flatten(send.Message);
        return found == kind && Fields.Match(body, fields);
    }

    /// <summary>An order and a change stand for themselves, without the frame that they came in.</summary>
    private static (string Kind, JsonObject Fields) Flatten(CoordinatorMessage message)
    {
        var json = JsonSerializer.SerializeToNode(message, MachinesJson.Default.CoordinatorMessage)!.AsObject();
        return message switch
        {
            RankOrdered => (json["order"]!["order"]!.GetValue<string>(), json["order"]!.AsObject()),
            GangOrdered => ($"gang-{json["order"]!["wish"]!.GetValue<string>().ToLowerInvariant()}", json["order"]!.AsObject()),
            MembershipChanged => ("membership", json["change"]!.AsObject()),
            _ => (json["tell"]!.GetValue<string>(), json),
        };
    }
}
