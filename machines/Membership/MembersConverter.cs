using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// Members as JSON. Few are objects. Many, which every node is sent at a start, are one flat array in which a member says what differs
/// from the one before it: how many characters of the gpu's and of the address's text are the same, the rest of both, and the difference
/// of the boot numbers. Where nodes follow each other, names and hosts counting on by one, they are a run: minus the number of nodes, the
/// gpus of each, from index 0 on, and the differences of the nodes' boot numbers in base 64. Names and addresses of a cluster are much
/// alike, so that is a tenth as long as objects or less, and faster to read.
/// </summary>
public sealed class MembersConverter : JsonConverter<IReadOnlyList<Member>>
{
    /// <summary>So many are written as what differs.</summary>
    public const int Many = 64;

    /// <inheritdoc/>
    public override IReadOnlyList<Member> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("members are an array");
        List<Member> members = [];
        var told = new MembersReader();
        while (told.Next(ref reader))
        {
            do
            {
                var (node, address) = (new NodeId(told.Node.ToString()), told.Address.ToString());
                for (var index = 0; index < told.Gpus; index++)
                    members.Add(new Member(new GpuId(node, told.FirstGpu + index), address, told.Boot));
            }
            while (told.NextOfRun());
        }

        return members;
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IReadOnlyList<Member> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        if (value.Count < Many)
        {
            foreach (var member in value)
                JsonSerializer.Serialize(writer, member, MachinesJson.Default.Member);
        }
        else
        {
            WriteMany(writer, value);
        }

        writer.WriteEndArray();
    }

    private static void WriteMany(Utf8JsonWriter writer, IReadOnlyList<Member> members)
    {
        var (gpu, address, boot) = (new TextCursor(), new TextCursor(), 0L);
        var (nextGpu, nextAddress) = (new TextCursor(), new TextCursor());
        for (var at = 0; at < members.Count;)
        {
            var (nodes, gpus) = at > 0 ? RunAt(members, at, nextGpu, nextAddress) : (0, 0);
            if (nodes > 0)
            {
                writer.WriteNumberValue(-nodes);
                writer.WriteNumberValue(gpus);
                List<byte> boots = [];
                for (var node = 0; node < nodes; node++, at += gpus)
                {
                    MembersReader.AppendBoot(boots, unchecked(members[at].Boot - boot));
                    boot = members[at].Boot;
                }

                writer.WriteBase64StringValue(CollectionsMarshal.AsSpan(boots));

                Set(gpu, members[at - 1].Gpu.ToString());
                Set(address, members[at - 1].Address);
                continue;
            }

            var member = members[at++];
            WriteText(writer, gpu, member.Gpu.ToString());
            WriteText(writer, address, member.Address);
            writer.WriteNumberValue(unchecked(member.Boot - boot));
            boot = member.Boot;
        }
    }

    /// <summary>How many nodes from a member on count on from the one before it, each whole and with as many gpus.</summary>
    private static (int Nodes, int Gpus) RunAt(IReadOnlyList<Member> members, int at, TextCursor gpu, TextCursor address)
    {
        var before = members[at - 1];
        var nodeLength = before.Gpu.Node.Value.Length;
        Set(gpu, before.Gpu.Node.Value);
        Set(address, before.Address);
        var (nodes, gpus) = (0, GpusAt(members, at));
        for (; gpus > 0 && GpusAt(members, at) == gpus; at += gpus, nodes++)
        {
            if (!MembersReader.Advance(gpu, address, ref nodeLength, gpus, 1)
                || !gpu.Text[..nodeLength].SequenceEqual(members[at].Gpu.Node.Value)
                || !address.Text.SequenceEqual(members[at].Address))
            {
                break;
            }
        }

        return (nodes, gpus);
    }

    /// <summary>Gpus of the node that begins with a member, if they are all of one worker and count from 0; else 0.</summary>
    private static int GpusAt(IReadOnlyList<Member> members, int at)
    {
        var gpus = 0;
        for (; at + gpus < members.Count && members[at + gpus].Gpu.Node == members[at].Gpu.Node; gpus++)
        {
            var member = members[at + gpus];
            if (gpus == MembersReader.MostGpus || member.Gpu.Index != gpus || member.Boot != members[at].Boot
                || member.Address != members[at].Address)
            {
                return 0;
            }
        }

        return gpus;
    }

    private static void WriteText(Utf8JsonWriter writer, TextCursor before, string text)
    {
        var same = text.AsSpan().CommonPrefixLength(before.Text);

        // Half of a surrogate pair is no text of its own.
        if (same > 0 && char.IsHighSurrogate(text[same - 1]))
            same--;
        writer.WriteNumberValue(same);
        writer.WriteStringValue(text.AsSpan(same));
        Set(before, text);
    }

    private static void Set(TextCursor cursor, string text)
    {
        if (!cursor.Change(0, text))
            throw new JsonException($"a gpu or an address of {text.Length} characters");
    }
}
