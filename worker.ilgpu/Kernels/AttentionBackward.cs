using System.Runtime.CompilerServices;
using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Gradient of causal attention, with the probabilities P computed again tile by tile from <see cref="AttentionForward"/>'s logarithms
/// of sums. With dP = dy v', through dropout, and D the inner product of a query's dy and y: dS = P (dP - D), dq = dS k / sqrt(size),
/// dk = dS' q / sqrt(size), dv = P' dy. Queries and keys are taken by two kernels, each of which sums up what is its own, tile after
/// tile in rising order: scores are computed twice, and nothing is atomic.
/// </summary>
internal static class AttentionBackward
{
    /// <summary>dots[b, h, t] = inner product of dy and y of query t over the channels of head h.</summary>
    public static void Dots(ArrayView<float> dy, ArrayView<float> y, ArrayView<float> dots, int queries, AttentionArguments shape)
    {
        for (var i = Grid.GlobalIndex.X; i < queries; i += Grid.DimX * Group.DimX)
        {
            int t = i % shape.Time, head = i / shape.Time % shape.Heads, sequence = i / shape.Time / shape.Heads;
            var from = (((sequence * shape.Time) + t) * shape.Channels) + (head * shape.HeadSize);
            float sum = 0;
            for (var d = 0; d < shape.HeadSize; d++) sum = DeviceMath.Fma(dy[from + d], y[from + d], sum);
            dots[i] = sum;
        }
    }

    /// <summary>
    /// Group (x, y): tile x of keys (the first has the most queries), head y of [sequences, heads]. Overwrites k and v of dqkv.
    /// </summary>
    public static void Keys<TTiling>(
        ArrayView<float> qkv, ArrayView<float> dy, ArrayView<float> logSums, ArrayView<float> dots, ArrayView<float> dqkv, AttentionArguments shape, DropoutMask mask)
        where TTiling : struct, IAttentionTiling
    {
        int rows = default(TTiling).Rows, size = default(TTiling).Size, quarter = rows / 4, ld = 3 * shape.Channels;
        int pitch = (size + 4) / 4, scorePitch = (rows + 4) / 4, pieces = quarter * (size / 4);
        ArrayView<Float4> queries = default(TTiling).AllocateChannels(), keys = default(TTiling).AllocateChannels();
        ArrayView<Float4> values = default(TTiling).AllocateChannels(), slopes = default(TTiling).AllocateChannels();
        ArrayView<Float4> weights = default(TTiling).AllocateScores(), changes = default(TTiling).AllocateScores();
        int sequence = Grid.IdxY / shape.Heads, head = Grid.IdxY % shape.Heads, first = Grid.IdxX * rows;
        var start = (sequence * shape.Time * ld) + (head * shape.HeadSize);
        var startY = (sequence * shape.Time * shape.Channels) + (head * shape.HeadSize);
        AttentionTiles.Load(qkv, start + shape.Channels, ld, first, shape.Time, shape.HeadSize, 1f, keys.Cast<float>(), rows, size);
        AttentionTiles.Load(qkv, start + (2 * shape.Channels), ld, first, shape.Time, shape.HeadSize, 1f, values.Cast<float>(), rows, size);
        for (var from = first; from < shape.Time; from += rows)
        {
            AttentionTiles.Load(qkv, start, ld, from, shape.Time, shape.HeadSize, shape.Scale, queries.Cast<float>(), rows, size);
            AttentionTiles.Load(dy, startY, shape.Channels, from, shape.Time, shape.HeadSize, 1f, slopes.Cast<float>(), rows, size);
            Group.Barrier();
            Products<TTiling>(queries, keys, slopes, values, weights, changes);
            Group.Barrier();
            Scores<TTiling>(weights, changes, logSums, dots, sequence, head, from, first, shape, mask);
            Group.Barrier();
            for (var item = Group.IdxX; item < 2 * pieces; item += Group.DimX)
            {
                // The first half of the items are dv's, the others dk's; q came scaled.
                int piece = item % pieces, c = piece / (size / 4), d = piece % (size / 4);
                int to = start + ((first + (4 * c)) * ld)
                    + (4 * d), channels = shape.HeadSize - (4 * d), exist = shape.Time - first - (4 * c);
                var begins = from == first;
                if (item < pieces)
                {
                    var sum = AttentionTiles.Columns(weights, slopes, c, d, scorePitch, pitch, rows);
                    Accumulate(dqkv, to + (2 * shape.Channels), ld, channels, exist, 1f, begins, sum);
                }
                else
                {
                    var sum = AttentionTiles.Columns(changes, queries, c, d, scorePitch, pitch, rows);
                    Accumulate(dqkv, to + shape.Channels, ld, channels, exist, 1f, begins, sum);
                }
            }

            Group.Barrier();
        }
    }

    /// <summary>Group (x, y): tile x of queries (the longest first), head y of [sequences, heads]. Overwrites q of dqkv.</summary>
    public static void Queries<TTiling>(
        ArrayView<float> qkv, ArrayView<float> dy, ArrayView<float> logSums, ArrayView<float> dots, ArrayView<float> dqkv, AttentionArguments shape, DropoutMask mask)
        where TTiling : struct, IAttentionTiling
    {
        int rows = default(TTiling).Rows, size = default(TTiling).Size, quarter = rows / 4, ld = 3 * shape.Channels;
        int pitch = (size + 4) / 4, scorePitch = (rows + 4) / 4;
        ArrayView<Float4> queries = default(TTiling).AllocateChannels(), keys = default(TTiling).AllocateChannels();
        ArrayView<Float4> values = default(TTiling).AllocateChannels(), slopes = default(TTiling).AllocateChannels();
        ArrayView<Float4> weights = default(TTiling).AllocateScores(), changes = default(TTiling).AllocateScores();
        int sequence = Grid.IdxY / shape.Heads, head = Grid.IdxY % shape.Heads, first = (Grid.DimX - 1 - Grid.IdxX) * rows;
        var start = (sequence * shape.Time * ld) + (head * shape.HeadSize);
        var startY = (sequence * shape.Time * shape.Channels) + (head * shape.HeadSize);
        AttentionTiles.Load(qkv, start, ld, first, shape.Time, shape.HeadSize, shape.Scale, queries.Cast<float>(), rows, size);
        AttentionTiles.Load(dy, startY, shape.Channels, first, shape.Time, shape.HeadSize, 1f, slopes.Cast<float>(), rows, size);
        for (var from = 0; from <= first; from += rows)
        {
            AttentionTiles.Load(qkv, start + shape.Channels, ld, from, shape.Time, shape.HeadSize, 1f, keys.Cast<float>(), rows, size);
            AttentionTiles.Load(
                qkv, start + (2 * shape.Channels), ld, from, shape.Time, shape.HeadSize, 1f, values.Cast<float>(), rows, size);
            Group.Barrier();
            Products<TTiling>(queries, keys, slopes, values, weights, changes);
            Group.Barrier();
            Scores<TTiling>(weights, changes, logSums, dots, sequence, head, first, from, shape, mask);
            Group.Barrier();
            for (var item = Group.IdxX; item < quarter * (size / 4); item += Group.DimX)
            {
                int r = item / (size / 4), d = item % (size / 4);
                var sum = AttentionTiles.Rows(changes, keys, r, d, quarter, scorePitch, pitch, rows);
                Accumulate(
                    dqkv,
                    start + ((first + r) * ld) + (4 * d),
                    quarter * ld,
                    shape.HeadSize - (4 * d),
                    Existing(shape.Time - first - r, quarter),
                    shape.Scale,
                    from == 0,
                    sum);
            }

            Group.Barrier();
        }
    }

    // Scores q k' to weights and dP = dy v' to changes, for the whole tile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Products<TTiling>(
        ArrayView<Float4> queries, ArrayView<Float4> keys, ArrayView<Float4> slopes, ArrayView<Float4> values, ArrayView<Float4> weights, ArrayView<Float4> changes)
        where TTiling : struct, IAttentionTiling
    {
        int rows = default(TTiling).Rows, size = default(TTiling).Size, quarter = rows / 4, pitch = (size + 4) / 4;
        ArrayView<float> scores = weights.Cast<float>(), gradients = changes.Cast<float>();
        for (var item = Group.IdxX; item < 2 * quarter * quarter; item += Group.DimX)
        {
            int piece = item % (quarter * quarter), r = piece / quarter, c = piece % quarter;
            if (item < quarter * quarter) Keep(scores, r, c, rows, AttentionTiles.Inner(queries, keys, r, c, quarter, pitch, size));
            else Keep(gradients, r, c, rows, AttentionTiles.Inner(slopes, values, r, c, quarter, pitch, size));
        }
    }

    // In place: weights become the probabilities after dropout, changes become dS.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scores<TTiling>(
        ArrayView<Float4> weights, ArrayView<Float4> changes, ArrayView<float> logSums, ArrayView<float> dots, int sequence, int head,
        int firstQuery, int firstKey,
        AttentionArguments shape, DropoutMask mask)
        where TTiling : struct, IAttentionTiling
    {
        int rows = default(TTiling).Rows, heads = ((sequence * shape.Heads) + head) * shape.Time;
        ArrayView<float> scores = weights.Cast<float>(), gradients = changes.Cast<float>();
        for (var item = Group.IdxX; item < rows * rows; item += Group.DimX)
        {
            int t = firstQuery + (item / rows), j = firstKey + (item % rows), at = (item / rows * (rows + 4)) + (item % rows);
            float probability = 0, kept = 0, change = 0;
            if (j <= t && t < shape.Time)
            {
                var element = ((((long)head * shape.Time) + t) * shape.Time) + j;
                probability = DeviceMath.Exp(scores[at] - logSums[heads + t]);
                kept = DropoutMask.Apply(mask, sequence, element, probability);
                change = DeviceMath.Multiply(probability, DropoutMask.Apply(mask, sequence, element, gradients[at]) - dots[heads + t]);
            }

            scores[at] = kept;
            gradients[at] = change;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(ArrayView<float> to, int r, int c, int rows, Tile4 tile)
    {
        int quarter = rows / 4, at = (r * (rows + 4)) + c, far = quarter * (rows + 4);
        Keep(to, at, quarter, tile.R0);
        Keep(to, at + far, quarter, tile.R1);
        Keep(to, at + (2 * far), quarter, tile.R2);
        Keep(to, at + (3 * far), quarter, tile.R3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(ArrayView<float> to, int at, int step, Float4 row)
    {
        to[at] = row.X;
        to[at + step] = row.Y;
        to[at + (2 * step)] = row.Z;
        to[at + (3 * step)] = row.W;
    }

    // Of four rows, step apart, how many exist when the first has `left` rows to the end of time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Existing(int left, int step) => left <= 0 ? 0 : ((left - 1) / step) + 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(ArrayView<float> matrix, int to, int ld, int channels, int exist, float scale, bool begins, Tile4 sum)
    {
        if (exist > 0) AttentionTiles.Accumulate(matrix, to, channels, scale, begins, sum.R0);
        if (exist > 1) AttentionTiles.Accumulate(matrix, to + ld, channels, scale, begins, sum.R1);
        if (exist > 2) AttentionTiles.Accumulate(matrix, to + (2 * ld), channels, scale, begins, sum.R2);
        if (exist > 3) AttentionTiles.Accumulate(matrix, to + (3 * ld), channels, scale, begins, sum.R3);
    }
}
