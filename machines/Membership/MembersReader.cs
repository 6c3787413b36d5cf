using System.Text.Json;

namespace Coordinator.Machines;

/// <summary>
/// Reads members from their JSON array as <see cref="MembersConverter"/> writes it, and makes no objects of them: the gpus of one node at a
/// time, or of a run of nodes that follow each other. Texts are valid until the next ones are read.
/// </summary>
public sealed class MembersReader
{
    /// <summary>Most gpus of a node in a run.</summary>
    internal const int MostGpus = 64;

    private readonly TextCursor gpu = new();
    private readonly TextCursor address = new();
    private int nodeLength;
    private byte[] boots = [];
    private int bootAt;
    private int left;

    /// <summary>The node.</summary>
    public ReadOnlySpan<char> Node => gpu.Text[..nodeLength];

    /// <summary>Data-plane address of its worker.</summary>
    public ReadOnlySpan<char> Address => address.Text;

    /// <summary>Its worker's process.</summary>
    public long Boot { get; private set; }

    /// <summary>Index of the first gpu read.</summary>
    public int FirstGpu { get; private set; }

    /// <summary>Gpus read of the node; their indices follow each other.</summary>
    public int Gpus { get; private set; }

    /// <summary>Nodes that were read together, this one the first of them: their names count on, and each has as many gpus.</summary>
    public int Nodes { get; private set; }

    /// <summary>Reads on. The reader stands on the array's start, or where the last call left it.</summary>
    /// <returns>False at the array's end.</returns>
    /// <exception cref="JsonException">This is no array of members.</exception>
    public bool Next(ref Utf8JsonReader reader)
    {
        Step(left);
        Move(ref reader);
        if (reader.TokenType == JsonTokenType.EndArray)
            return false;
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            TakeObject(ref reader);
            return true;
        }

        var first = Number(ref reader);
        if (first < 0)
        {
            TakeRun(ref reader, first);
            return true;
        }

        TakeText(ref reader, gpu, first);
        Move(ref reader);
        TakeText(ref reader, address, Number(ref reader));
        Move(ref reader);
        Boot = unchecked(Boot + reader.GetInt64());
        SplitGpu();
        return true;
    }

    /// <summary>Goes on to the next node of those that were read together.</summary>
    /// <returns>False: this is the last of them.</returns>
    public bool NextOfRun()
    {
        if (left == 0)
            return false;
        Step(1);
        return true;
    }

    /// <summary>Goes on by so many nodes: the last number of the name and of the host counts on.</summary>
    /// <returns>False: they have none.</returns>
    internal static bool Advance(TextCursor gpu, TextCursor address, ref int nodeLength, int gpus, int nodes)
    {
        var port = address.Text.LastIndexOf(':');
        if (!gpu.Change(nodeLength, "") || !gpu.Advance(nodeLength, nodes) || !address.Advance(port < 0 ? address.Length : port, nodes))
            return false;
        nodeLength = gpu.Length;
        Span<char> last = stackalloc char[4];
        last[0] = '/';
        return (gpus - 1).TryFormat(last[1..], out var digits) && gpu.Change(nodeLength, last[..(digits + 1)]);
    }

    private void Step(int nodes)
    {
        if (nodes == 0)
            return;
        left -= nodes;
        for (var node = 0; node < nodes; node++)
            Boot = unchecked(Boot + NextBoot());
        if (!Advance(gpu, address, ref nodeLength, Gpus, nodes))
            throw new JsonException($"no node follows {Node}, or none at {Address}");
    }

    private void TakeRun(ref Utf8JsonReader reader, int first)
    {
        Move(ref reader);
        (Nodes, FirstGpu, Gpus) = (first == int.MinValue ? 0 : -first, 0, Number(ref reader));
        Move(ref reader);
        if (nodeLength == 0 || Gpus is < 1 or > MostGpus || reader.TokenType != JsonTokenType.String
            || !reader.TryGetBytesFromBase64(out var differences))
        {
            throw new JsonException(
                $"a run of members tells 1 to {MostGpus} gpus of each node after another one, and how their boot numbers differ");
        }
        (boots, bootAt) = (differences, 0);

        // Counted before anything is believed: so many numbers end, and nothing comes behind the last.
        var numbers = 0;
        foreach (var part in boots)
            numbers += part < 0x80 ? 1 : 0;
        if (numbers != Nodes || Nodes == 0 || boots[^1] >= 0x80)
            throw new JsonException($"a run of {Nodes} nodes has {numbers} boot numbers");
        left = Nodes;
        Step(1);
    }

    /// <summary>A difference of boot numbers: seven bits a byte, the lowest first, its sign in the lowest bit.</summary>
    private long NextBoot()
    {
        var (value, shift) = (0UL, 0);
        byte part;
        do
        {
            part = boots[bootAt++];
            value |= shift < 64 ? (part & 0x7FUL) << shift : 0;
            shift += 7;
        }
        while (part >= 0x80);
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>Appends what <see cref="NextBoot"/> reads.</summary>
    internal static void AppendBoot(List<byte> boots, long difference)
    {
        var value = unchecked(((ulong)difference << 1) ^ (ulong)(difference >> 63));
        for (; value >= 0x80; value >>= 7)
            boots.Add((byte)(value | 0x80));
        boots.Add((byte)value);
    }

    private void TakeObject(ref Utf8JsonReader reader)
    {
        var member = JsonSerializer.Deserialize(ref reader, MachinesJson.Default.Member) ?? throw new JsonException("a member is null");
        if (!gpu.Change(0, member.Gpu.ToString()) || !address.Change(0, member.Address))
            throw new JsonException($"a gpu or an address of more than {TextCursor.MostCharacters} characters");
        Boot = member.Boot;
        SplitGpu();
    }

    private static void TakeText(ref Utf8JsonReader reader, TextCursor text, int same)
    {
        if (same < 0 || same > text.Length)
            throw new JsonException($"a member shares {text.Length} characters at most with the one before it");
        Move(ref reader);

        // An escaped character takes six.
        if (reader.TokenType != JsonTokenType.String || reader.HasValueSequence || reader.ValueSpan.Length > 6 * TextCursor.MostCharacters)
            throw new JsonException($"a gpu or an address is a text of at most {TextCursor.MostCharacters} characters");
        Span<char> rest = stackalloc char[reader.ValueSpan.Length];
        if (!text.Change(same, rest[..reader.CopyString(rest)]))
            throw new JsonException($"a gpu or an address of more than {TextCursor.MostCharacters} characters");
    }

    private void SplitGpu()
    {
        var slash = gpu.Text.LastIndexOf('/');
        if (slash <= 0 || !int.TryParse(gpu.Text[(slash + 1)..], out var index) || index < 0)
            throw new JsonException($"'{gpu.Text}' is no gpu: write node/index, such as node-1/0");
        (nodeLength, FirstGpu, Gpus, Nodes) = (slash, index, 1, 1);
    }

    private static int Number(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var number) ? number : throw new JsonException(
            "members are told by numbers and texts");

    private static void Move(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            throw new JsonException("a member is not whole");
    }
}
