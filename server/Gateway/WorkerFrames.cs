using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coordinator.Machines;
using Coordinator.Server.Api;

namespace Coordinator.Server.Gateway;

/// <summary>
/// Turns a worker's frame into a message that machines may be given. Machines trust their input, so whatever a forged
/// frame could smuggle past the parser is refused here: nulls, members left out or said twice, words said in another node's name, and
/// numbers that cannot be (<see cref="WorkerNumbers"/>). Its texts are made plain, since they are stored and shown.
/// </summary>
internal static class WorkerFrames
{
    private static readonly JsonSerializerOptions Strict = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = MachinesJson.Default.WithAddedModifier(RequireAll),
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        MaxDepth = 16,
        Converters = { new PlainTextConverter(PlainText.MostStored) },
    };

    /// <summary>Reads a connection's first frame.</summary>
    /// <returns>The hello, or why the connection ends.</returns>
    public static (Hello? Hello, CloseReason? Fault) ReadHello(ReadOnlyMemory<byte> text)
    {
        // The version comes first: a frame of another version may have any shape.
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("protocol", out var version)
                && version.ValueKind == JsonValueKind.Number
                && !(version.TryGetInt32(out var number) && number == Hello.CurrentProtocol))
            {
                return (null, Invalid($"protocol {version.GetRawText()} is not spoken here; this silo speaks {Hello.CurrentProtocol}: run "
                    + "one build on both"));
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The second is the parser's answer to a name with half a surrogate pair.
            return (null, NoJson());
        }

        var (message, fault) = Read(text);
        if (fault is not null)
            return (null, fault.Status == WebSocketCloseStatus.PolicyViolation ? Invalid(fault.Text) : fault);
        if (message is not Hello hello)
            return (null, Invalid("the first frame must be a hello"));
        if (hello.Protocol != Hello.CurrentProtocol)
            return (null, Invalid($"the hello names no protocol; this silo speaks {Hello.CurrentProtocol}"));
        return Problem(hello.Node, hello) is { } problem ? (null, Invalid(problem)) : (hello, null);
    }

    /// <summary>Reads any later frame of a node's connection.</summary>
    /// <returns>The message, or why the connection ends.</returns>
    public static (WorkerMessage? Message, CloseReason? Fault) Read(ReadOnlyMemory<byte> text, NodeId node, WorkerSession session)
    {
        var (message, fault) = Read(text);
        if (message is null)
            return (null, fault);
        if (message is Hello again && (again.Node != node || again.Session != session))
            return (null, Policy("a later hello of a connection repeats its first one"));
        return Problem(node, message) is { } problem ? (null, Policy(problem)) : (message, null);
    }

    private static (WorkerMessage? Message, CloseReason? Fault) Read(ReadOnlyMemory<byte> text)
    {
        try
        {
            var message = JsonSerializer.Deserialize<WorkerMessage>(text.Span, Strict);
            return message is null ? (null, Policy("a frame is a JSON object, and this one is null")) : (message, null);
        }
        catch (Exception exception) when (exception is InvalidOperationException or JsonException { InnerException: JsonException })
        {
            return (null, NoJson());
        }
        catch (JsonException exception)
        {
            return (null, Policy($"no valid message: {exception.Message}"));
        }
        catch (NotSupportedException)
        {
            return (null, Policy("no valid message: 'say' must come first and name a known kind"));
        }
    }

    private static string? Problem(NodeId node, WorkerMessage message) => Words(node, message) ?? WorkerNumbers.Problem(message);

    private static string? Words(NodeId node, WorkerMessage message) => message switch
    {
        JobReport report when !JobIds.IsValid(report.Job.Value) => $"'{report.Job}' cannot be a job's id",
        Hello hello => HelloProblem(hello),
        Heartbeat beat when beat.Ranks.Any(rank => rank is null) => "a rank of a heartbeat is null",
        RankState state => Foreign(node, state.Gpu),
        PlanTaken taken => Foreign(node, taken.Gpu),
        RankAdvanced advanced => Foreign(node, advanced.Gpu),
        RankFaulted faulted => Foreign(node, faulted.Gpu),
        RankPreparing preparing => Foreign(node, preparing.Gpu),
        RankFinished finished => Foreign(node, finished.Gpu),
        RankLeaving leaving => Foreign(node, leaving.Gpu),
        CheckpointPartSaved part => Foreign(node, part.Gpu),
        CheckpointUnreadable damaged => Foreign(node, damaged.Gpu),
        CheckpointSealed written when written.Node != node => $"node {node} speaks for node {written.Node}",
        CheckpointFailed failed when failed.Node != node => $"node {node} speaks for node {failed.Node}",
        PeerAccused accused when accused.Accuser != node => $"node {node} speaks for node {accused.Accuser}",
        MembershipUnknown unknown when unknown.Node != node => $"node {node} speaks for node {unknown.Node}",
        _ => null,
    };

    private static string? HelloProblem(Hello hello)
    {
        if (NodeNames.Problem(hello.Node.Value) is { } name)
            return name;
        if (DataAddresses.Problem(hello.DataAddress) is { } address)
            return $"data address '{hello.DataAddress}': {address}";
        if (hello.Labels is { } labels && NodeLabels.Problem(labels) is { } label)
            return label;
        if (hello.Gpus.Any(gpu => gpu is null || gpu.Index < 0))
            return "a gpu of the hello is null or has a negative index";
        return hello.Gpus.DistinctBy(gpu => gpu.Index).Count() < hello.Gpus.Count ? "two gpus of the hello have one index" : null;
    }

    private static string? Foreign(NodeId node, GpuId gpu) => gpu.Node == node ? null : $"node {node} speaks for gpu {gpu}";

    /// <summary>
    /// A member that is missing was never written by a worker of this build, and one of an earlier build leaves out only what it does not
    /// know: a further member, which reads as null or zero then. Generated readers set it so whatever its initial value, and machines are
    /// given no list or text that is null.
    /// </summary>
    private static void RequireAll(JsonTypeInfo type)
    {
        foreach (var member in type.Properties.Where(member => member.Set is not null || member.AssociatedParameter is not null))
        {
            var isFurther = member is { IsRequired: false, AssociatedParameter: null or { IsMemberInitializer: true } };
            var mayBeNull = member.PropertyType.IsValueType
                ? Nullable.GetUnderlyingType(member.PropertyType) is not null
                : member.IsSetNullable;
            member.IsRequired = !mayBeNull && !(isFurther && member.PropertyType.IsValueType);
        }
    }

    private static CloseReason Policy(string text) => new(WebSocketCloseStatus.PolicyViolation, text);

    /// <summary>The worker would say the same again: it need not come back.</summary>
    private static CloseReason Invalid(string text) => new(RefusalKind.Invalid, text);

    private static CloseReason NoJson() => new(WebSocketCloseStatus.InvalidPayloadData, "the frame is no JSON");
}
