using System.Buffers.Binary;

namespace Coordinator.Tests.Data;

/// <summary>Token shards as llm.c and nanoGPT write them.</summary>
internal static class Shards
{
    public static byte[] NanoGpt(params ushort[] tokens)
    {
        var bytes = new byte[2 * tokens.Length];
        for (var i = 0; i < tokens.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), tokens[i]);

        return bytes;
    }

    public static byte[] LlmC(int version, int count, params ushort[] tokens)
    {
        var header = new byte[1024];
        BinaryPrimitives.WriteInt32LittleEndian(header, 20240520);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), count);
        return [.. header, .. NanoGpt(tokens)];
    }
}
