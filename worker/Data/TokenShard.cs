using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Coordinator.Disk;

namespace Coordinator.Worker.Data;

/// <summary>
/// Token shards: llm.c's (256 little-endian int32 of header, then uint16 tokens; [0] is the magic, [1] the version,
/// [2] the number of tokens) and nanoGPT's (uint16 tokens and nothing else), told apart by the magic.
/// </summary>
internal static class TokenShard
{
    public const string Extension = ".bin";

    public const int HeaderBytes = 1024;

    private const int Magic = 20240520;

    // The magic's first byte is a UTF-8 continuation byte, so that no text begins with it.
    public static bool HasMagic(ReadOnlySpan<byte> head) => head.Length >= 4 && BinaryPrimitives.ReadInt32LittleEndian(head) == Magic;

    /// <summary>
    /// What the tokens of a file without a header look like, if not like tokens of 16 bits; null: like those, or there are too few to
    /// say.
    /// </summary>
    private static string? WhyNoTokens(ReadOnlySpan<byte> head)
    {
        const int least = 64;
        var halves = MemoryMarshal.Cast<byte, ushort>(head[..(head.Length & ~3)]);
        if (halves.Length < 2 * least)
            return head.Length >= least && FileFormats.IsPlainText(head) ? Text : null;

        // Of tokens below 65536 in 32 or 64 bits every second half is zero; of text, no byte is.
        var (zero, other) = (0, 0);
        for (var at = 0; at < halves.Length; at += 2)
        {
            zero += halves[at + 1] == 0 ? 1 : 0;
            other += halves[at] != 0 ? 1 : 0;
        }

        return zero == halves.Length / 2 && other > 0
            ? "holds tokens of 32 bits or more, and only those of 16 bits can be read: write them as uint16"
            : FileFormats.IsPlainText(head) ? Text : null;
    }

    private const string Text = $"is text, and files that end in {Extension} are read as tokens: give it another ending";

    /// <summary>Checks a shard's size, and returns at which byte its tokens begin.</summary>
    /// <param name="path">Names the file in errors.</param>
    /// <param name="head">The file's first 1024 bytes or more, or all of a shorter one.</param>
    /// <param name="length">Size of the file in bytes.</param>
    /// <exception cref="DataException"><see cref="DataProblem.SizeMismatch"/>, <see cref="DataProblem.UnknownVersion"/>.</exception>
    public static int Check(string path, ReadOnlySpan<byte> head, long length)
    {
        if (!HasMagic(head))
        {
            if (length % 2 != 0)
            {
                throw new DataException(
                    DataProblem.SizeMismatch,
                    $"{path}: {length} bytes are no whole number of uint16 tokens; write the shard again, or give text another ending than "
                        + $"{Extension}");
            }

            return WhyNoTokens(head) is { } why ? throw new DataException(
                DataProblem.WrongFormat, $"{path} {why}, or take its bytes as they are with --binary") : 0;
        }

        if (length < HeaderBytes)
        {
            throw new DataException(
                DataProblem.SizeMismatch,
                $"{path}: {length} bytes are less than the {HeaderBytes} of an llm.c header; write the shard again");
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(head[4..]);
        if (version != 1)
        {
            throw new DataException(
                DataProblem.UnknownVersion,
                $"{path}: llm.c shard of version {version}; only version 1 (uint16 tokens) can be read: convert it");
        }

        var tokens = BinaryPrimitives.ReadInt32LittleEndian(head[8..]);
        var expected = HeaderBytes + (2L * tokens);
        return tokens >= 0 && length == expected
            ? HeaderBytes
            : throw new DataException(
                DataProblem.SizeMismatch,
                $"{path}: {length} bytes where its header's {tokens} tokens need {expected}; copy or write the shard again");
    }
}
