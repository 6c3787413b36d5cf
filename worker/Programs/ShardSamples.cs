using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Programs;

/// <summary>Which samples a shard of a step takes.</summary>
/// <param name="FirstPosition">Global position of the first.</param>
/// <param name="Count">How many; 0 where there are more shards than samples.</param>
public readonly record struct ShardSamples(long FirstPosition, int Count)
{
    /// <summary>Samples floor(iB/L) up to floor((i+1)B/L) of batch <paramref name="step"/> - 1.</summary>
    public static ShardSamples Of(TrainingSpec training, long step, int shard)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, training.Shards);
        long batch = training.BatchSize;
        long first = shard * batch / training.Shards, end = (shard + 1) * batch / training.Shards;
        return new ShardSamples((step - 1) * batch + first, (int)(end - first));
    }
}
