using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Conformance;

/// <summary>
/// Plays a transcript on an engine. Words:
/// <list type="table">
/// <item><term>connect NODE [N]</term><description>its worker connects, for the Nth time in this process</description></item>
/// <item><term>restart NODE</term><description>another process of the worker connects</description></item>
/// <item><term>disconnect NODE</term><description>its connection ends</description></item>
/// <item><term>submit [ranks=N] [steps=N] [job=ID]</term><description>a job is submitted</description></item>
/// <item><term>cancel</term><description>the job is to end</description></item>
/// <item><term>workers answer | silent NODE</term><description>workers do by themselves what they are ordered, from now on; one of them nothing</description></item>
/// <item><term>say NODE WHAT …</term><description>accuses NODE [GENERATION], applied FROM TO, faulted, leaves, lost-track</description></item>
/// <item><term>order GPU KIND incarnation=N generation=N</term><description>an order reaches the gpu's grain, wherever it comes from</description></item>
/// <item><term>hold KIND:KEY | release | away | back | refuse KIND:KEY | lose-acknowledgement</term><description>storage</description></item>
/// <item><term>kill | advance TIME | disturb SEED PERCENT | calm</term><description>the engine's world</description></item>
/// <item><term>mark</term><description>forget what was told so far</description></item>
/// <item><term>expect NODE MESSAGE [field=value …] | never …</term><description>what the worker was told since the mark</description></item>
/// <item><term>stored KIND:KEY field=value … | view KIND:KEY field=value …</term><description>state and view of a grain</description></item>
/// <item><term>events KIND N | steps N</term><description>how many events are durable; that steps 1 to N are, once each</description></item>
/// </list>
/// </summary>
public sealed class Player(IConformanceEngine engine)
{
    private readonly Dictionary<string, FakeWorker> workers = [];
    private readonly JobId job = new("j1");
    private int mark;
    private int heard;
    private bool answering;

    /// <summary>Plays it to its end.</summary>
    /// <exception cref="ConformanceException">The engine did not do what it must; the message names the line.</exception>
    public async Task PlayAsync(Transcript transcript)
    {
        foreach (var line in transcript.Lines)
        {
            try
            {
                await DoAsync(line);
            }
            catch (ConformanceException broken)
            {
                var told = string.Join(Environment.NewLine, engine.Told.Skip(mark).Select(told => $"  {told.Node} {MessageText.Of(told.Message)}"));
                throw new ConformanceException($"{transcript.Name}, line {line.Number} ({line.Word} {string.Join(' ', line.Arguments)}): {broken.Message}{Environment.NewLine}rule: {transcript.Rule}{Environment.NewLine}told since the mark:{Environment.NewLine}{told}");
            }
        }
    }

    private async Task DoAsync(TranscriptLine line)
    {
        var first = line.Arguments.Count > 0 ? line.Arguments[0] : "";
        switch (line.Word)
        {
            case "connect":
                await Worker(first).ConnectAsync(engine, line.Arguments.Count > 1 ? Number(line.Arguments[1]) : null);
                break;
            case "restart":
                workers[first] = Worker(first).Successor();
                await Worker(first).ConnectAsync(engine, null);
                break;
            case "disconnect":
                await Worker(first).DisconnectAsync(engine);
                break;
            case "submit":
                await SubmitAsync(line);
                break;
            case "cancel":
                await engine.PostAsync(GrainAddress.Of(job), new CancelJob("enough"));
                break;
            case "workers":
                answering = true;
                break;
            case "silent":
                Worker(first).Silent = true;
                break;
            case "say":
                await Worker(first).SayAsync(engine, job, line.Arguments[1], [.. line.Arguments.Skip(2)]);
                break;
            case "order":
                await engine.PostAsync(GrainAddress.Of(GpuId.Parse(first)), new GpuOrdered(OrderText.Read(job, GpuId.Parse(first), line)));
                break;
            case "hold":
                engine.Storage.Hold(Address(first));
                break;
            case "release":
                engine.Storage.Release();
                break;
            case "away":
                engine.Storage.GoAway(true);
                break;
            case "back":
                engine.Storage.GoAway(false);
                break;
            case "refuse":
                engine.Storage.RefuseNext(Address(first));
                break;
            case "lose-acknowledgement":
                engine.Storage.LoseAcknowledgement();
                break;
            case "kill":
                await engine.KillAsync();
                break;
            case "disturb":
                engine.Disturb((ulong)Number(first), Number(line.Arguments[1]) / 100.0);
                break;
            case "calm":
                engine.Disturb(0, 0);
                break;
            case "advance":
                await AdvanceAsync(TimeSpan.FromMilliseconds(Number(first)));
                return;
            case "mark":
                mark = engine.Told.Count;
                return;
            default:
                await CheckAsync(line, first);
                return;
        }

        await SettleAsync();
    }

    private async Task CheckAsync(TranscriptLine line, string first)
    {
        switch (line.Word)
        {
            case "expect":
                if (!Since(first, line).Any())
                    throw new ConformanceException("was not told");
                break;
            case "never":
                if (Since(first, line).FirstOrDefault() is { } told)
                    throw new ConformanceException($"was told: {MessageText.Of(told.Message)}");
                break;
            case "stored":
                Match(line, JsonNode.Parse(engine.Storage.Find(Address(first))?.Json ?? throw new ConformanceException("nothing is stored"))!);
                break;
            case "view":
                Match(line, JsonNode.Parse(await engine.DescribeAsync(Address(first)) ?? throw new ConformanceException("there is no such grain"))!);
                break;
            case "events":
                var found = engine.Storage.Events.Count(observed => observed.Kind == first);
                if (found != Number(line.Arguments[1]))
                    throw new ConformanceException($"there are {found}");
                break;
            case "steps":
                var steps = engine.Storage.Steps.Select(step => step.Step).ToArray();
                if (!steps.SequenceEqual(Enumerable.Range(1, (int)Number(first)).Select(step => (long)step)))
                    throw new ConformanceException($"recorded are {string.Join(' ', steps)}");
                break;
            default:
                throw new ConformanceException($"'{line.Word}' is no word of a transcript");
        }
    }

    private async Task SubmitAsync(TranscriptLine line)
    {
        var fields = line.Fields.ToDictionary(field => field.Name, field => field.Value);
        var id = new JobId(fields.GetValueOrDefault("job", job.Value));
        var spec = new JobSpec
        {
            Name = id.Value,
            Ranks = (int)Number(fields.GetValueOrDefault("ranks", "2")),
            Model = new ModelSpec { Program = "linear" },
            Training = new TrainingSpec { Steps = Number(fields.GetValueOrDefault("steps", "6")) },
            Secret = Convert.ToBase64String(new byte[32]),
        };
        foreach (var worker in workers.Values)
            worker.Steps = spec.Training.Steps;
        await engine.PostAsync(GrainAddress.Of(id), new SubmitJob(spec));
    }

    /// <summary>Time passes in pieces, in which the workers' heartbeats come and their answers are heard.</summary>
    private async Task AdvanceAsync(TimeSpan time)
    {
        var piece = TimeSpan.FromMilliseconds(100);
        for (var left = time; left > TimeSpan.Zero; left -= piece)
        {
            await engine.AdvanceAsync(left < piece ? left : piece);
            foreach (var worker in workers.Values)
                await worker.BeatAsync(engine, answering);
            await SettleAsync();
        }
    }

    private async Task SettleAsync()
    {
        await engine.SettleAsync();
        while (answering && heard < engine.Told.Count)
        {
            // Of what one worker was told, only the newest order counts for what it does next; but all are heard in order.
            var fresh = engine.Told.Skip(heard).ToArray();
            heard += fresh.Length;
            foreach (var told in fresh)
                await Worker(told.Node.Value).HearAsync(engine, told.Message);
            await engine.SettleAsync();
        }

        if (!answering)
            heard = engine.Told.Count;
    }

    private IEnumerable<Told> Since(string node, TranscriptLine line)
    {
        // A message that is counted twice is one that came twice.
        return engine.Told.Skip(mark).Where(told => told.Node.Value == node && MessageText.Is(told.Message, line.Arguments[1], line.Fields));
    }

    private static void Match(TranscriptLine line, JsonNode json)
    {
        foreach (var (name, value) in line.Fields)
        {
            var found = json[name]?.ToString() ?? "";
            if (!string.Equals(found, value, StringComparison.OrdinalIgnoreCase))
                throw new ConformanceException($"{name} is '{found}' in {json.ToJsonString(JsonSerializerOptions.Default)}");
        }
    }

    private FakeWorker Worker(string node) => workers.TryGetValue(node, out var worker) ? worker : workers[node] = new FakeWorker(new NodeId(node), boot: 1);

    private static GrainAddress Address(string text) => new(Enum.Parse<GrainKind>(text[..text.IndexOf(':', StringComparison.Ordinal)], ignoreCase: true), text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
