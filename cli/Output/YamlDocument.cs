using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Coordinator.Cli.Output;

/// <summary>A JSON document as YAML. Strings that YAML would read as something else are quoted.</summary>
public static class YamlDocument
{
    /// <summary>The document's text, with a line end.</summary>
    public static string Of(JsonNode document)
    {
        using var text = new StringWriter();
        var emitter = new Emitter(text);
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        Emit(emitter, document);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Emit(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                emitter.Emit(new MappingStart());
                foreach (var (name, value) in members)
                {
                    emitter.Emit(new Scalar(name));
                    Emit(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray items:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, SequenceStyle.Block));
                foreach (var item in items)
                    Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            default:
                var isText = node?.GetValueKind() == JsonValueKind.String;
                var scalar = node is null ? "null"
                    : node.GetValueKind() == JsonValueKind.String ? node.GetValue<string>()
                    : node.ToJsonString();
                var style = isText && NeedsQuotes(scalar) ? ScalarStyle.DoubleQuoted : ScalarStyle.Any;
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, scalar, style, true, true));
                break;
        }
    }

    private static bool NeedsQuotes(string text) =>
        text.Length == 0 || text is "null" or "true" or "false" or "yes" or "no" or "on" or "off" or "~" || double.TryParse(text, out _);
}
