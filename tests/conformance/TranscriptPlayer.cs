using System.Globalization;
using System.Text.Json.Nodes;
using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>Plays a transcript on an engine: each step is carried out and settled, then the next.</summary>
public sealed class TranscriptPlayer
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly Stage stage;
    private readonly Expectations expectations;

    private TranscriptPlayer(IConformanceEngine engine)
    {
        stage = new Stage(engine);
        expectations = new Expectations(stage);
    }

    /// <summary>Plays all steps on a fresh engine, which is disposed of afterwards.</summary>
    /// <exception cref="TranscriptFailedException">The engine did not do what a step expects, or threw; the message names the
    /// step.</exception>
    public static async Task PlayAsync(Transcript transcript, Func<EngineSetup, Task<IConformanceEngine>> start)
    {
        var steps = transcript.Steps;
        var setup = new EngineSetup();
        if (steps.Count > 0 && Fields.Words(steps[0].Text) is ["chaos", .. var fields])
            (setup, steps) = (setup with { Hostility = ReadHostility(fields) }, [.. steps.Skip(1)]);
        var engine = await start(setup).ConfigureAwait(false);
        await using (engine.ConfigureAwait(false))
        {
            var player = new TranscriptPlayer(engine);
            foreach (var step in steps)
            {
                try
                {
                    await player.PlayAsync(step.Text).ConfigureAwait(false);
                }
                catch (FormatException)
                {
                    throw;
                }
                catch (Exception e)
                {
                    throw new TranscriptFailedException(
                        $"{transcript.Name}.txt line {step.Line}, '{step.Text}': {e.Message}\nIt holds: {transcript.Rule}",
                        e)
                    { Step = step.Text };
                }
            }
        }
    }

    private static Hostility ReadHostility(IEnumerable<string> fields)
    {
        var read = new JsonObject { ["seed"] = 1, ["loss"] = 0.0, ["repeat"] = 0.0, ["reorder"] = 0.0 };
        Fields.Put(read, fields);
        return new Hostility((ulong)read["seed"]!.GetValue<int>(), Number("loss"), Number("repeat"), Number("reorder"));

        double Number(string name) => double.Parse(read[name]!.ToJsonString(), CultureInfo.InvariantCulture);
    }

    private async Task PlayAsync(string text)
    {
        var words = Fields.Words(text);

        // What begins with "and" meets the engine together with the step before.
        if (words[0] == "and")
            words.RemoveAt(0);
        else
            await stage.SettleAsync().ConfigureAwait(false);
        switch (words)
        {
            case ["expect", .. var expected]:
                await expectations.CheckAsync(expected).ConfigureAwait(false);
                break;
            case ["await", .. var expected, "within", var limit]:
                await AwaitAsync(expected, Fields.Time(limit)).ConfigureAwait(false);
                break;
            case ["advance", var by]:
                await stage.AdvanceAsync(Fields.Time(by)).ConfigureAwait(false);
                break;
            case ["forget"]:
                await expectations.ForgetAsync().ConfigureAwait(false);
                break;
            case ["storage", ..] or ["another", ..]:
                await TroubleStorageAsync(words).ConfigureAwait(false);
                break;
            default:
                await ActAsync(words).ConfigureAwait(false);
                break;
        }
    }

    private async Task AwaitAsync(List<string> expected, TimeSpan limit)
    {
        for (var waited = TimeSpan.Zero; ; waited += Poll)
        {
            try
            {
                await expectations.CheckAsync(expected).ConfigureAwait(false);
                return;
            }
            catch (TranscriptFailedException) when (waited < limit)
            {
                await stage.AdvanceAsync(Poll).ConfigureAwait(false);
            }
        }
    }

    private Task TroubleStorageAsync(List<string> words) => words switch
    {
        ["storage", "is", var mode] => stage.Engine.SetStorageAsync(Enum.Parse<StorageMode>(mode, ignoreCase: true)),
        ["storage", "fails", "once"] => stage.Engine.FailNextWriteAsync(WriteFault.Fails),
        ["storage", "loses", "an", "acknowledgement"] => stage.Engine.FailNextWriteAsync(WriteFault.AcknowledgementLost),
        ["another", "writes", var grain, .. var fields] => WriteAsAnotherAsync(Words.Grain(grain), fields),
        _ => throw new FormatException($"no such trouble: {string.Join(' ', words)}"),
    };

    /// <summary>The stored state with a higher incarnation, and with the fields put over it.</summary>
    private async Task WriteAsAnotherAsync(GrainAddress grain, List<string> fields)
    {
        var stored = await stage.Engine.ReadStateAsync(grain).ConfigureAwait(false) ?? throw new TranscriptFailedException(
            $"nothing is stored of {grain}");
        var state = JsonNode.Parse(stored.StateJson)!.AsObject();
        state["incarnation"] = stored.Incarnation + 1;
        Fields.Put(state, fields);
        await stage.Engine.WriteAsAnotherAsync(
            grain, new PersistState(state.ToJsonString(), stored.Incarnation + 1, 1)).ConfigureAwait(false);
    }

    private Task ActAsync(List<string> words) => words switch
    {
        ["connect", var node, .. var fields] => ConnectAsync(node, fields),
        ["reconnect", var node] => stage.ReconnectAsync(node),
        ["disconnect", var node] => stage.DisconnectAsync(node, "connection closed"),
        ["die", var node] => stage.DieAsync(node),
        ["train", .. var nodes] => Do(() => nodes.ForEach(node => stage.Worker(node).Trains = true)),
        ["silence", var node] => Do(() => stage.Worker(node).Silent = true),
        ["kill", "silo"] => stage.KillSiloAsync(withConnections: true),
        ["kill", "silo", "but", "no", "connection"] => stage.KillSiloAsync(withConnections: false),
        ["submit", var job, .. var fields] => stage.Engine.PostAsync(Words.Grain($"Job:{job}"), new SubmitJob(Words.Spec(fields))),
        ["cancel", var job, .. var reason] => stage.Engine.PostAsync(Words.Grain($"Job:{job}"), new CancelJob(string.Join(' ', reason))),
        ["gang", var job, .. var fields] => stage.Engine.PostAsync(
            Words.Grain($"Gang:{job}"), new SubmitGang(Words.Gang(fields)) { Secret = "secret" }),
        [var node, "ends", var job, "rank", var rank, .. var fields] => SayAllAsync(
            node, stage.Worker(node).GangOf(new JobId(job))!.End(int.Parse(rank, CultureInfo.InvariantCulture), fields)),
        [var node, "tells", var job, "step", var step] => SayAllAsync(
            node, stage.Worker(node).GangOf(new JobId(job))!.Step(long.Parse(step, CultureInfo.InvariantCulture))),
        ["extend", var job, .. var fields] => stage.Engine.PostAsync(Words.Grain($"Job:{job}"), Words.GrainMessage("extend-job", fields)),
        ["tell", var grain, var kind, .. var fields] => stage.Engine.PostAsync(Words.Grain(grain), Words.GrainMessage(kind, fields)),
        ["order", var gpu, var kind, .. var fields] => stage.Engine.PostAsync(
            Words.Grain($"Gpu:{gpu}"), new GpuOrdered(Words.Order(gpu, kind, fields))),
        [var node, "says", var kind, .. var fields] => stage.SayAsync(stage.Worker(node), Words.Said(stage.Worker(node), kind, fields)),
        _ => throw new FormatException($"no such step: {string.Join(' ', words)}"),
    };

    private Task ConnectAsync(string node, List<string> fields)
    {
        var read = new JsonObject { ["gpus"] = 1, ["class"] = "fake" };
        Fields.Put(read, fields);
        return stage.ConnectAsync(node, read["gpus"]!.GetValue<int>(), read["class"]!.GetValue<string>());
    }

    private async Task SayAllAsync(string node, IReadOnlyList<WorkerMessage> messages)
    {
        foreach (var message in messages)
            await stage.SayAsync(stage.Worker(node), message).ConfigureAwait(false);
    }

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }
}
