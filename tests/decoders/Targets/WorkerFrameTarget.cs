using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Server.Gateway;

namespace Coordinator.Decoders.Targets;

/// <summary>
/// JSON frames of workers as the gateway reads them: the hello (first byte of the input even) and what comes after it. What is accepted
/// reads the same when it is written again, and its texts are plain.
/// </summary>
public sealed class WorkerFrameTarget : DecoderTarget
{
    private static readonly NodeId Node = new("a");
    private static readonly NodeId Other = new("b");
    private static readonly WorkerSession Session = new(1_000, 1);

    /// <inheritdoc/>
    public override string Name => "worker-frame";

    /// <inheritdoc/>
    public override string About => "JSON frame of a worker at the gateway";

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Fragments => WorkerWords.Fragments;

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (1 << 20) + (128L * length);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice)
    {
        var isHello = dice.OneIn(4);
        var message = isHello
            ? WorkerWords.Hello(dice, Node, Session)
            : WorkerWords.Any(dice, Node, Session, new JobId("job"), 1 + dice.Below(5), dice.Below(100), Other);
        return [(byte)(isHello ? 0 : 1), .. WorkerWords.Bytes(message)];
    }

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        if (input.Length == 0)
            return false;
        var text = input.AsMemory(1);
        WorkerMessage? message;
        CloseReason? fault;
        if (input[0] % 2 == 0)
            (message, fault) = WorkerFrames.ReadHello(text);
        else
            (message, fault) = WorkerFrames.Read(text, Node, Session);
        Hold(message is null != fault is null, "neither or both of a message and a reason");
        if (fault is not null)
        {
            Hold(Encoding.UTF8.GetByteCount(fault.Text) <= 123, "a reason does not fit into a close frame");
            return false;
        }

        var again = WorkerWords.Bytes(message!);
        Hold(TextsOf(JsonNode.Parse(again))
            .All(text => PlainText.IsPlain(text) && text.Length <= PlainText.MostStored),
                "a text that steers a terminal, or has no end, is accepted");
        var (second, _) = WorkerFrames.Read(
            again, message is Hello hello ? hello.Node : Node, message is Hello same ? same.Session : Session);
        Hold(
            second is not null && WorkerWords.Bytes(second).AsSpan().SequenceEqual(again),
            "an accepted message is refused, or another one, when it is written again");
        return true;
    }

    private static IEnumerable<string> TextsOf(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => TextsOf(member.Value)),
        JsonArray items => items.SelectMany(TextsOf),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => [value.GetValue<string>()],
        _ => [],
    };
}
