using System.Globalization;
using System.Text;
using System.Text.Json;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.External;

namespace Coordinator.Decoders.Targets;

/// <summary>What a program says of itself when it joins. What is accepted lies within the memory that is laid out by it.</summary>
public sealed class ProgramDescriptionTarget : DecoderTarget
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", "\"", ",", ":", "0", "-1", "9e9", "null", "true", "9223372036854775807", "\"tensors\":[", "\"offset\":",
        "\"shape\":", "\"BF16\"", "\"trained\":true", "[0]", "\"version\":2", "\u0000",
    ];

    /// <inheritdoc/>
    public override string Name => "program-description";

    /// <inheritdoc/>
    public override string About => "what a program of one's own says of itself (JSON)";

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Fragments { get; } = [.. Pieces.Select(Encoding.UTF8.GetBytes)];

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (64 << 10) + (128L * length);

    /// <inheritdoc/>
    public override byte[] Make(Dice dice)
    {
        var at = 0L;
        var tensors = new List<object>();
        for (var number = dice.Below(5); number >= 0; number--)
        {
            long[] shape = [.. Enumerable.Range(0, dice.Below(4)).Select(_ => (long)dice.Below(9))];
            var dtype = dice.Of(Enum.GetValues<SafeTensorsDtype>());
            tensors.Add(new
            {
                name = string.Create(
                CultureInfo.InvariantCulture, $"layer.{number}"),
                dtype = dtype.FileName(),
                shape,
                offset = at,
                model = true
            });
            at = (at + (shape.Aggregate(1L, (product, axis) => product * axis) * dtype.Bytes()) + 63) / 64 * 64;
        }

        return JsonSerializer.SerializeToUtf8Bytes(new
        {
            version = 1,
            key = "k",
            client = "c",
            device_class = "d",
            samples = dice.Below(100),
            gradient_elements = dice.Below(100) + 1,
            state_bytes = at + 64,
            model_bytes = at,
            tensors,
        });
    }

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        try
        {
            var read = ProgramDescription.Read(input);
            var next = 0L;
            foreach (var tensor in read.Tensors)
            {
                Hold(tensor.Offset >= next && tensor.Bytes >= 0, $"{tensor.Name} lies at {tensor.Offset}, before {next}");
                next = tensor.Offset + tensor.Bytes;
                Hold(next <= read.StateBytes && (!tensor.IsModel || next <= read.ModelBytes), $"{tensor.Name} ends at {next}");
            }

            Hold(read.GradientElements > 0 && read.ModelBytes <= read.StateBytes, "an empty gradient, or a model beyond the state");
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
