using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Cli.Output;
using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Cli.Commands;

/// <summary><c>steps</c>: every recorded step of a job.</summary>
public static class StepsCommand
{
    private static readonly IReadOnlyList<Column> Columns =
        [new("STEP"), new("LOSS"), new("GRAD NORM"), new("MS"), new("TOKENS"), new(
            "GENERATION"), new("TIMELINE", true), new("RECORDED", true)];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var job = new JobArgument();
        return QueryCommand.Create("steps", "List a job's recorded steps.", [job.Argument], async (client, parsed, cancel) =>
        {
            var view = await job.FindAsync(client, parsed, cancel);
            List<StoredStep> steps = [];
            for (long after = 0; ;)
            {
                var page = await client.GetStepsAsync(view.Id, after, limit: 10_000, cancel: cancel);
                if (page.Items.Count == 0)
                    break;
                steps.AddRange(page.Items);
                after = page.Next;
            }

            return new Listing("StepList", new JsonArray([.. steps.Select(Document)]), Columns, [.. steps.Select(Row)]);
        });
    }

    private static JsonObject Document(StoredStep stored)
    {
        var document = (JsonObject)JsonSerializer.SerializeToNode(stored.Step, MachinesJson.Default.StepRecord)!;
        document["timeline"] = stored.Timeline;
        document["recordedAt"] = stored.RecordedAt.UtcDateTime.ToString("O");
        return document;
    }

    private static IReadOnlyList<string> Row(StoredStep stored) =>
    [
        $"{stored.Step.Step}", $"{stored.Step.Loss:0.0000}", $"{stored.Step.GradientNorm:0.000}", $"{stored.Step.Milliseconds:0.0}",
        $"{stored.Step.Targets}",
        $"{stored.Step.Generation}", $"{stored.Timeline}", $"{stored.RecordedAt.LocalDateTime:HH:mm:ss.fff}",
    ];
}
