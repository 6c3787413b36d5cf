using System.Runtime.CompilerServices;
using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Causal attention without its matrix of scores (Dao, Fu, Ermon, Rudra, Ré, "FlashAttention", NeurIPS 2022): a group has a tile of
/// queries of one head and walks over the tiles of keys up to the diagonal in rising order, with a running maximum and sum for each
/// query. What the backward pass needs of the scores is one number a query, the logarithm of the sum of their exponentials.
/// </summary>
internal static class AttentionForward
{
    // Threads that share the work on one row of scores; virtual, like those of Lanes.
    private const int RowLanes = 4;

    /// <summary>
    /// Group (x, y): tile x of queries (the longest first), head y of [sequences, heads]. Overwrites output [B, T, C] and logSums
    /// [B, H, T]. Element (h T + t) T + j of a sequence is its probability's place in the dropout mask.
    /// </summary>
    public static void Run<TTiling>(
        ArrayView<float> qkv, ArrayView<float> output, ArrayView<float> logSums, AttentionArguments shape, DropoutMask mask)
        where TTiling : struct, IAttentionTiling
    {
        int rows = default(TTiling).Rows, size = default(TTiling).Size, quarter = rows / 4;
        int pitch = (size + 4) / 4, scorePitch = (rows + 4) / 4;
        ArrayView<Float4> queries = default(TTiling).AllocateChannels(), keys = default(TTiling).AllocateChannels();
        ArrayView<Float4> values = default(TTiling).AllocateChannels(), outputs = default(TTiling).AllocateChannels();
        var scores = default(TTiling).AllocateScores();
        var weights = scores.Cast<float>();
        ArrayView<float> largest =
            SharedMemory.Allocate<float>(32), sums = SharedMemory.Allocate<float>(32), shrink = SharedMemory.Allocate<float>(32);
        ArrayView<float> laneMax = SharedMemory.Allocate<float>(32 * RowLanes), laneSum = SharedMemory.Allocate<float>(32 * RowLanes);

        int tile = Grid.DimX - 1 - Grid.IdxX, first = tile * rows;
        int sequence = Grid.IdxY / shape.Heads, head = Grid.IdxY % shape.Heads, ld = 3 * shape.Channels;
        var start = (sequence * shape.Time * ld) + (head * shape.HeadSize);
        AttentionTiles.Load(qkv, start, ld, first, shape.Time, shape.HeadSize, shape.Scale, queries.Cast<float>(), rows, size);
        for (var i = Group.IdxX; i < rows * pitch; i += Group.DimX) outputs[i] = default;
        for (var r = Group.IdxX; r < rows; r += Group.DimX)
        {
            largest[r] = float.NegativeInfinity;
            sums[r] = 0;
        }

        for (var from = 0; from <= first; from += rows)
        {
            AttentionTiles.Load(qkv, start + shape.Channels, ld, from, shape.Time, shape.HeadSize, 1f, keys.Cast<float>(), rows, size);
            AttentionTiles.Load(
                qkv, start + (2 * shape.Channels), ld, from, shape.Time, shape.HeadSize, 1f, values.Cast<float>(), rows, size);
            Group.Barrier();
            for (var item = Group.IdxX; item < quarter * quarter; item += Group.DimX)
            {
                int r = item / quarter, c = item % quarter;
                var tileScores = AttentionTiles.Inner(queries, keys, r, c, quarter, pitch, size);
                KeepRow(weights, (r * (rows + 4)) + c, quarter, first + r, from + c, tileScores.R0);
                KeepRow(weights, ((r + quarter) * (rows + 4)) + c, quarter, first + r + quarter, from + c, tileScores.R1);
                KeepRow(weights, ((r + (2 * quarter)) * (rows + 4)) + c, quarter, first + r + (2 * quarter), from + c, tileScores.R2);
                KeepRow(weights, ((r + (3 * quarter)) * (rows + 4)) + c, quarter, first + r + (3 * quarter), from + c, tileScores.R3);
            }

            Group.Barrier();
            for (var item = Group.IdxX; item < rows * RowLanes; item += Group.DimX)
            {
                var row = item / RowLanes * (rows + 4);
                var max = float.NegativeInfinity;
                for (var c = item % RowLanes; c < rows; c += RowLanes)
                {
                    if (weights[row + c] > max) max = weights[row + c];
                }

                laneMax[item] = max;
            }

            Group.Barrier();
            for (var item = Group.IdxX; item < rows * RowLanes; item += Group.DimX)
            {
                int r = item / RowLanes, row = r * (rows + 4), lanes = r * RowLanes, t = first + r;
                var max = Greater(
                    largest[r], Greater(Greater(laneMax[lanes], laneMax[lanes + 1]), Greater(laneMax[lanes + 2], laneMax[lanes + 3])));
                float sum = 0;
                for (var c = item % RowLanes; c < rows; c += RowLanes)
                {
                    // The future is minus infinity: exactly 0, which dropout may scale.
                    var weight = from + c > t ? 0f : DeviceMath.Exp(weights[row + c] - max);
                    sum += weight;
                    weights[row + c] = DropoutMask.Apply(mask, sequence, ((((long)head * shape.Time) + t) * shape.Time) + from + c, weight);
                }

                laneSum[item] = sum;
            }

            Group.Barrier();
            for (var r = Group.IdxX; r < rows; r += Group.DimX)
            {
                var lanes = r * RowLanes;
                var max = Greater(
                    largest[r], Greater(Greater(laneMax[lanes], laneMax[lanes + 1]), Greater(laneMax[lanes + 2], laneMax[lanes + 3])));
                var factor = DeviceMath.Exp(largest[r] - max);
                shrink[r] = factor;
                sums[r] = DeviceMath.Fma(
                    sums[r], factor, (laneSum[lanes] + laneSum[lanes + 2]) + (laneSum[lanes + 1] + laneSum[lanes + 3]));
                largest[r] = max;
            }

            Group.Barrier();
            for (var item = Group.IdxX; item < quarter * (size / 4); item += Group.DimX)
            {
                int r = item / (size / 4), d = item % (size / 4);
                var sum = AttentionTiles.Rows(scores, values, r, d, quarter, scorePitch, pitch, rows);
                AddRow(outputs, (r * pitch) + d, shrink[r], sum.R0);
                AddRow(outputs, ((r + quarter) * pitch) + d, shrink[r + quarter], sum.R1);
                AddRow(outputs, ((r + (2 * quarter)) * pitch) + d, shrink[r + (2 * quarter)], sum.R2);
                AddRow(outputs, ((r + (3 * quarter)) * pitch) + d, shrink[r + (3 * quarter)], sum.R3);
            }

            Group.Barrier();
        }

        var result = outputs.Cast<float>();
        for (var i = Group.IdxX; i < rows * shape.HeadSize; i += Group.DimX)
        {
            int r = i / shape.HeadSize, d = i % shape.HeadSize, t = first + r;
            if (t < shape.Time)
            {
                output[(((sequence * shape.Time) + t) * shape.Channels) + (head * shape.HeadSize) + d] =
                    result[(r * (size + 4)) + d] / sums[r];
            }
        }

        for (var r = Group.IdxX; r < rows; r += Group.DimX)
        {
            if (first + r < shape.Time) logSums[(Grid.IdxY * shape.Time) + first + r] = (float)(largest[r] + DeviceMath.Log(sums[r]));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Greater(float a, float b) => a > b ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(ArrayView<Float4> outputs, int at, float factor, Float4 sum) =>
        outputs[at] = Float4.Fma(factor, outputs[at], sum);

    // Scores of query t with keys j, j + step, ...; the future is minus infinity.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void KeepRow(ArrayView<float> scores, int at, int step, int t, int j, Float4 row)
    {
        scores[at] = j > t ? float.NegativeInfinity : row.X;
        scores[at + step] = j + step > t ? float.NegativeInfinity : row.Y;
        scores[at + (2 * step)] = j + (2 * step) > t ? float.NegativeInfinity : row.Z;
        scores[at + (3 * step)] = j + (3 * step) > t ? float.NegativeInfinity : row.W;
    }
}
