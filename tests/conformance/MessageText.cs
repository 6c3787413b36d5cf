using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>Messages to workers as transcripts name them: an order by its own kind, anything else by its message's.</summary>
internal static class MessageText
{
    /// <summary>Kind and fields in a line.</summary>
    public static string Of(CoordinatorMessage message) => $"{Kind(message)} {Fields(message).ToJsonString()}";

    /// <summary>Whether it is a message of that kind with those fields.</summary>
    public static bool Is(CoordinatorMessage message, string kind, IEnumerable<(string Name, string Value)> fields)
    {
        if (Kind(message) != kind)
            return false;
        var json = Fields(message);
        return fields.All(field => string.Equals(json[field.Name]?.ToString() ?? "", field.Value, StringComparison.OrdinalIgnoreCase));
    }

    private static string Kind(CoordinatorMessage message) => message is RankOrdered ordered ? ordered.Order.GetType().Name : message.GetType().Name;

    private static JsonObject Fields(CoordinatorMessage message)
    {
        var json = JsonSerializer.SerializeToNode(message, MachinesJson.Default.CoordinatorMessage)!.AsObject();
        return json["order"] as JsonObject ?? json["change"] as JsonObject ?? json;
    }
}

/// <summary>Orders as transcripts write them.</summary>
internal static class OrderText
{
    public static RankOrder Read(JobId job, GpuId gpu, TranscriptLine line)
    {
        var fields = line.Fields.ToDictionary(field => field.Name, field => long.Parse(field.Value, System.Globalization.CultureInfo.InvariantCulture));
        var (incarnation, generation) = (fields["incarnation"], fields["generation"]);
        return line.Arguments[1] switch
        {
            "PrepareRank" => new PrepareRank { Job = job, Incarnation = incarnation, Timeline = 0, Generation = generation, Gpu = gpu },
            "ReleaseRank" => new ReleaseRank { Job = job, Incarnation = incarnation, Timeline = 0, Generation = generation, Gpu = gpu },
            var other => throw new ConformanceException($"'{other}' is no order that a transcript can give"),
        };
    }
}
