using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Storage;

namespace Coordinator.Cli.Commands;

/// <summary><c>events</c>: what happened, and with <c>-w</c> what happens.</summary>
public static class EventsCommand
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private static readonly IReadOnlyList<Column> Columns =
        [new("TIME"), new("JOB"), new("KIND"), new("TEXT"), new("ORDINAL", true), new("CAUSE", true), new("GENERATION", true),
            new("STEP", true), new("MS", true), new("SILO", true)];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new Argument<string?>("job") { Description = "Only of this job.", Arity = ArgumentArity.ZeroOrOne };
        var watch = new Option<bool>("--watch", "-w")
        {
            Description = "Go on with what happens from now on; a silo that is away is waited for.",
        };
        var limit = new Option<int>("--limit")
        {
            Description = "At most so many of the newest, 1 to 10000.",
            DefaultValueFactory = _ => 200,
        };
        Checks.InRange(limit, 1, 10_000);
        return QueryCommand.Create("events", "Show what happened.", [job, watch, limit], async (client, parsed, format, cancel) =>
        {
            var id = parsed.GetValue(job) is { } name ? await JobArgument.FindIdAsync(client, name, cancel) : (JobId?)null;
            var page = await client.GetEventsAsync(id, limit: parsed.GetValue(limit), newest: true, cancel: cancel);
            if (parsed.GetValue(watch))
            {
                await WatchAsync(client, id, page.Items, page.Next, format, cancel);
            }
            else
            {
                new Listing("EventList", new JsonArray([.. page.Items.Select(Document)]), Columns, [.. page.Items.Select(Row)])
                    .Print(Console.Out, format);
            }
        });
    }

    private static async Task WatchAsync(
        CoordinatorClient client, JobId? job, IReadOnlyList<StoredEvent> first, long after, OutputFormat format, CancellationToken cancel)
    {
        Print(first, format);
        var away = false;
        while (true)
        {
            try
            {
                var page = await client.GetEventsAsync(job, after, wait: Wait, cancel: cancel);
                after = page.Next;
                away = false;
                Print(page.Items, format);
            }
            catch (CoordinatorApiException gone) when (gone.MayRepeat)
            {
                if (!away)
                    Console.Error.WriteLine($"{gone.Message}; waiting for it");
                away = true;
                await Task.Delay(Retry, cancel);
            }
        }
    }

    // While watching, every event is a document or a line of its own.
    private static void Print(IEnumerable<StoredEvent> events, OutputFormat format)
    {
        foreach (var stored in events)
        {
            var line = EventText.Line(new TimedEvent(stored.Time, stored.Event));
            Console.WriteLine(format switch
            {
                OutputFormat.Json => Document(stored).ToJsonString(),
                OutputFormat.Yaml => "---\n" + YamlDocument.Of(Document(stored)).TrimEnd(),
                OutputFormat.Wide => $"{Time(stored)}  {stored.Event.Job?.Value ?? "-",-16}  {stored.Event.Kind,-20}  {line.Text}",
                _ => stored.Event.Job is { } job ? $"{Time(stored)}  {job}  {line.Text}" : $"{Time(stored)}  {line.Text}",
            });
        }
    }

    private static JsonObject Document(StoredEvent stored)
    {
        var document = (JsonObject)JsonSerializer.SerializeToNode(stored.Event, MachinesJson.Default.CoordinatorEvent)!;
        document.Insert(0, "ordinal", stored.Ordinal);
        document.Insert(1, "time", stored.Time.UtcDateTime.ToString("O"));
        document.Insert(2, "silo", stored.Silo);
        return document;
    }

    private static IReadOnlyList<string> Row(StoredEvent stored) =>
    [
        Time(stored), stored.Event.Job?.Value ?? "-", stored.Event.Kind,
        EventText.Line(new TimedEvent(stored.Time, stored.Event)).Text, $"{stored.Ordinal}", stored.Event.Cause ?? "-",
        $"{stored.Event.Generation}", $"{stored.Event.Step}", stored.Event.DurationMs is { } duration ? $"{duration:0}" : "", stored.Silo,
    ];

    private static string Time(StoredEvent stored) => $"{stored.Time.LocalDateTime:HH:mm:ss.fff}";
}
