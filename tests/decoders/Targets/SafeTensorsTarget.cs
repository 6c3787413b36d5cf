using System.Buffers.Binary;
using System.Text;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Decoders.Targets;

/// <summary>
/// Headers of safetensors files, with the length of the data in the first 8 bytes of the input. What is accepted covers the data exactly.
/// </summary>
public sealed class SafeTensorsTarget : DecoderTarget
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", "\"", ",", ":", "0", "-", "9e9", "null", "99999999999", "9223372036854775807", "\\u0061", "\\ud800",
        "\"__metadata__\":{", "\"dtype\":", "\"shape\":", "\"data_offsets\":", "\"F32\"", "\"BOOL\"", "\"F8_E4M3\"", "[0,0]", "[1,1,1]",
        "true", " ",
    ];

    /// <inheritdoc/>
    public override string Name => "safetensors-header";

    /// <inheritdoc/>
    public override string About => "header of a safetensors file (JSON)";

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Fragments { get; } = [.. Pieces.Select(Encoding.UTF8.GetBytes)];

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (64 << 10) + (64L * length);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice)
    {
        var tensors = Enumerable.Range(0, dice.Below(6)).Select(number => new SafeTensor(
            $"tensor.{number}{(dice.OneIn(4) ? "ä\\\"" : "")}",
            dice.Of(Enum.GetValues<SafeTensorsDtype>()),
            [.. Enumerable.Range(0, dice.Below(4)).Select(_ => (long)dice.Below(20))]));
        var layout = SafeTensorsLayout.Plan(tensors, dice.OneIn(2) ? null : new Dictionary<string, string> { ["key"] = "value" });
        var dataBytes = layout.Tensors.Sum(tensor => tensor.Bytes);
        var prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, dataBytes);
        return [.. prefix, .. layout.Header.AsSpan(8)];
    }

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        if (input.Length < 8)
            return false;

        // A file's length is never negative.
        var dataBytes = BinaryPrimitives.ReadInt64LittleEndian(input) & long.MaxValue;
        try
        {
            var header = SafeTensorsHeader.Parse("file", input.AsSpan(8), dataBytes);
            long next = 0;
            foreach (var tensor in header.Tensors)
            {
                Hold(tensor.Begin == next && tensor.End >= tensor.Begin, $"{tensor.Name} begins at {tensor.Begin}, not at {next}");
                Hold(tensor.NeededBytes == tensor.Bytes, $"{tensor.Name} has {tensor.Bytes} bytes and needs {tensor.NeededBytes}");
                next = tensor.End;
            }

            Hold(next == dataBytes, $"{next} of {dataBytes} bytes are covered");
            return true;
        }
        catch (SafeTensorsException)
        {
            return false;
        }
    }
}
