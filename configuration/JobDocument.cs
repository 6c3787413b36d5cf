using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Coordinator.Configuration;

/// <summary>
/// What <c>coordinator describe JOB</c> prints as YAML or JSON, read as a job file: its <c>spec</c> is the job, and all else that is told
/// of the job is
/// passed over. So a job that a silo knows can be submitted again, with the same spec and to the same model.
/// </summary>
internal static partial class JobDocument
{
    private const int MaxDepth = 16;
    private const string Kind = "Job";

    private static readonly JsonSerializerOptions Strict = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = MachinesJson.Default,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Reads the job; null: the content is no such document, but a job file or nothing at all.</summary>
    /// <exception cref="ConfigurationException">It is one, and holds no job, or one that cannot be read.</exception>
    public static JobSpec? Read(string file, ReadOnlySpan<byte> content)
    {
        // What it begins with tells it from a job file, none of whose sections are called so.
        var text = System.Text.Unicode.Utf8.IsValid(content) ? Encoding.UTF8.GetString(content).TrimStart('\uFEFF') : "";
        if (!Beginning().IsMatch(text))
            return null;
        JsonObject document;
        try
        {
            document = ReadDocument(text) as JsonObject ?? throw new ConfigurationException(
                "the document holds no job; print one with 'coordinator describe JOB -o yaml'", file);
        }
        catch (YamlException e)
        {
            throw new ConfigurationException(
                $"this is no YAML: {YamlText.Shown(e.Message)}", file, (int)e.Start.Line, (int)e.Start.Column, e);
        }

        if ("Gang".Equals(document["kind"]?.ToString(), StringComparison.OrdinalIgnoreCase))
        {
            throw new ConfigurationException(
                "the document describes a run of 'coordinator run', which is no training job; start it again with 'coordinator run'", file);
        }
        if (document["kind"]?.ToString() != Kind || document["spec"] is not JsonObject spec)
        {
            throw new ConfigurationException(
                $"the document is of the kind '{YamlText.Shown(document["kind"]?.ToString() ?? "")}' and holds no single job; print one "
                    + $"with 'coordinator describe JOB -o yaml'",
                file);
        }

        // The silo draws a secret of its own for every job.
        spec.Remove("secret");
        var whole = JsonSerializer.SerializeToNode(new JobSpec(), MachinesJson.Default.JobSpec)!.AsObject();
        JsonOverlay.Apply(whole, spec);
        try
        {
            return whole.Deserialize<JobSpec>(Strict) ?? throw new ConfigurationException("spec is null", file);
        }
        catch (JsonException e)
        {
            throw new ConfigurationException(
                $"spec{e.Path?.TrimStart('$')} cannot be read as a part of a job; print the job again with 'coordinator describe JOB -o "
                    + $"yaml'",
                file, cause: e);
        }
    }

    private static JsonNode? ReadDocument(string text)
    {
        IParser parser = new GuardedParser(new Parser(new StringReader(text)));
        parser.Consume<StreamStart>();
        parser.Consume<DocumentStart>();
        var document = ReadNode(parser, MaxDepth);
        parser.Consume<DocumentEnd>();
        if (parser.TryConsume<DocumentStart>(out var second))
            throw new YamlException(second.Start, second.End, "a file holds one job");
        return document;
    }

    private static JsonNode? ReadNode(IParser parser, int depth)
    {
        if (depth == 0)
            throw new YamlException(parser.Current!.Start, parser.Current.End, "it is nested too deep");
        if (parser.TryConsume<Scalar>(out var scalar))
            return ValueOf(scalar);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(ReadNode(parser, depth - 1));
            return items;
        }

        if (!parser.TryConsume<MappingStart>(out _))
            throw new YamlException(parser.Current!.Start, parser.Current.End, "anchors and aliases mean nothing here");
        var members = new JsonObject();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var name = parser.Consume<Scalar>();
            if (members.ContainsKey(name.Value))
                throw new YamlException(name.Start, name.End, $"{YamlText.Shown(name.Value)} is given twice");
            members[name.Value] = ReadNode(parser, depth - 1);
        }

        return members;
    }

    private static JsonNode? ValueOf(Scalar scalar) => scalar switch
    {
        { IsPlainImplicit: false } or { Style: not ScalarStyle.Plain } => JsonValue.Create(scalar.Value),
        { Value: "null" or "~" or "" } => null,
        { Value: "true" } => JsonValue.Create(true),
        { Value: "false" } => JsonValue.Create(false),
        _ when Number().IsMatch(scalar.Value) => JsonNode.Parse(scalar.Value),
        _ => JsonValue.Create(scalar.Value),
    };

    [GeneratedRegex("""\A\s*(\{\s*"apiVersion"|(---\s*)?apiVersion\s*:)""")]
    private static partial Regex Beginning();

    [GeneratedRegex(@"\A-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\z")]
    private static partial Regex Number();
}
