using System.Runtime.InteropServices;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

/// <summary>What counts as a parameter that is no number: of every type of float, in whatever pieces the state is read.</summary>
public sealed class NonfiniteNumbersTests
{
    private static readonly double[] Hostile =
        [double.PositiveInfinity, double.NegativeInfinity, double.NaN, -double.NaN, double.MaxValue, double.Epsilon, 0];

    [Theory]
    [InlineData(SafeTensorsDtype.F32)]
    [InlineData(SafeTensorsDtype.F64)]
    [InlineData(SafeTensorsDtype.BF16)]
    [InlineData(SafeTensorsDtype.F16)]
    public void Every_infinity_and_nan_of_a_trained_entry_is_counted_once_however_the_state_is_cut(SafeTensorsDtype dtype)
    {
        // Seven elements from the third word on: infinity, -infinity, two NaN, the largest number, a denormal, 0. What is behind them is
        // not theirs.
        var bytes = new byte[48 * 4];
        bytes.AsSpan().Fill(0xFF);
        byte[][] elements = dtype switch
        {
            SafeTensorsDtype.F32 => [.. Hostile.Select(number => BitConverter.GetBytes(
                number == double.MaxValue ? float.MaxValue : number == double.Epsilon ? float.Epsilon : (float)number))],
            SafeTensorsDtype.F64 => [.. Hostile.Select(BitConverter.GetBytes)],
            SafeTensorsDtype.F16 => [.. Hostile.Select(number => BitConverter.GetBytes(
                number == double.MaxValue ? Half.MaxValue : number == double.Epsilon ? Half.Epsilon : (Half)number))],
            _ => [.. new ushort[] { 0x7F80, 0xFF80, 0x7FC0, 0xFF81, 0x7F7F, 1, 0 }.Select(BitConverter.GetBytes)],
        };
        elements.SelectMany(element => element).ToArray().CopyTo(bytes, 3 * 4);
        var state = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        var numbers = new NonfiniteNumbers(new Described([new ModelTensor("w", [7], 3) { Dtype = dtype }]));

        foreach (var pieces in new[] { 48, 1, 2, 3, 5, 7 })
        {
            var count = 0L;
            for (var offset = 0; offset < state.Length; offset += pieces)
                count += numbers.Count(offset, state.AsSpan(offset, Math.Min(pieces, state.Length - offset)));
            Assert.Equal(4, count);
        }
    }

    [Fact]
    public void Moments_are_not_looked_at_and_integers_are_no_floats()
    {
        var state = new float[9];
        state.AsSpan(3).Fill(float.NaN);
        Assert.Equal(0, new NonfiniteNumbers(new Described(null)).Count(0, state));
        var integers = new ModelTensor("n", [9], 0) { Dtype = SafeTensorsDtype.I32 };
        Assert.Equal(0, new NonfiniteNumbers(new Described([integers])).Count(0, state));
        state[2] = float.NegativeInfinity;
        Assert.Equal(1, new NonfiniteNumbers(new Described(null)).Count(0, state));
        Assert.Equal(1, new NonfiniteNumbers(new Described(null)).Count(2, state.AsSpan(2)));
    }

    /// <summary>A device that only says what its state is made of.</summary>
    private sealed class Described(IReadOnlyList<ModelTensor>? trained) : IRankDevice
    {
        public long ParameterCount => 3;

        public IReadOnlyList<ModelTensor>? Trained => trained;

        public void Initialize() => throw new NotSupportedException();

        public DeviceGradient CreateGradient() => throw new NotSupportedException();

        public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel) =>
            throw new NotSupportedException();

        public void Add(DeviceGradient sum, DeviceGradient addend) => throw new NotSupportedException();

        public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets) => throw new NotSupportedException();

        public void ReadState(long offset, Span<float> destination) => throw new NotSupportedException();

        public void WriteState(long offset, ReadOnlySpan<float> source) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
