using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Storage;

namespace Coordinator.Tests.Orleans.Support;

/// <summary>
/// Grain storage that any number of silos and clusters share, with ETags as a database keeps them, and with the faults that a test asks
/// for: writes held back, writes whose acknowledgement is lost, storage away.
/// </summary>
public sealed class SharedStorage : IGrainStorage
{
    private readonly object gate = new();
    private readonly Dictionary<string, (string Json, int Version)> rows = [];
    private readonly ConcurrentDictionary<string, Held> held = new();

    /// <summary>Acknowledgements still to be lost.</summary>
    public int AcknowledgementsToLose { get; set; }

    /// <summary>Calls still to be refused as if the database were away.</summary>
    public int CallsToFail { get; set; }

    /// <summary>Takes every write, whatever its ETag: the fence that duplicates run into is gone.</summary>
    public bool IgnoresETags { get; set; }

    /// <summary>Writes that reached storage, in order.</summary>
    public ConcurrentQueue<(string Grain, string Json)> Writes { get; } = new();

    /// <summary>By type of grain, what its state was called when it was read.</summary>
    public ConcurrentDictionary<string, string> StateNames { get; } = new();

    /// <summary>Writes refused because of another's.</summary>
    public int Refused { get; private set; }

    /// <summary>Puts a row there, as somebody else would have written it.</summary>
    public void Put(string grain, string json)
    {
        lock (gate)
            rows[grain] = (json, 1);
    }

    /// <summary>Holds back the next write of a grain from a silo, until it is released.</summary>
    public Held HoldNextWrite(string silo, string key) => held[$"{silo}/{key}"] = new Held();

    /// <summary>Storage as one silo sees it.</summary>
    public IGrainStorage SeenFrom(string silo) => new View(this, silo);

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        StateNames[grainId.Type.ToString()!] = stateName;
        lock (gate)
        {
            Fail();
            if (rows.TryGetValue(grainId.ToString(), out var row))
            {
                (grainState.State, grainState.ETag, grainState.RecordExists) = (
                    JsonSerializer.Deserialize<T>(row.Json)!,
                    row.Version.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    true);
            }
            else
            {
                (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null!, false);
            }
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = grainId.ToString();
        lock (gate)
        {
            Fail();
            var version = rows.TryGetValue(key, out var row) ? row.Version : 0;
            var known = grainState.ETag is null ? 0 : int.Parse(grainState.ETag, System.Globalization.CultureInfo.InvariantCulture);
            if (version != known && !IgnoresETags)
            {
                Refused++;
                throw new InconsistentStateException(
                    $"{key} is at version {version} and not {known}",
                    version.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    grainState.ETag);
            }

            var json = JsonSerializer.Serialize(grainState.State);
            rows[key] = (json, version + 1);
            Writes.Enqueue((key, json));
            if (AcknowledgementsToLose > 0)
            {
                AcknowledgementsToLose--;
                throw new TimeoutException("the acknowledgement is lost");
            }

            (grainState.ETag, grainState.RecordExists) = ((version + 1).ToString(System.Globalization.CultureInfo.InvariantCulture), true);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();

    private void Fail()
    {
        if (CallsToFail <= 0)
            return;
        CallsToFail--;
        throw new TimeoutException("storage is away");
    }

    /// <summary>A write that is held back.</summary>
    public sealed class Held
    {
        private readonly TaskCompletionSource arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends when the write has arrived.</summary>
        public Task Arrived => arrived.Task;

        /// <summary>Lets it go on.</summary>
        public void Release() => released.TrySetResult();

        internal Task Pass()
        {
            arrived.TrySetResult();
            return released.Task;
        }
    }

    private sealed class View(SharedStorage shared, string silo) : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            shared.ReadStateAsync(stateName, grainId, grainState);

        public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            if (shared.held.TryRemove($"{silo}/{grainId.Key}", out var held))
                await held.Pass();
            await shared.WriteStateAsync(stateName, grainId, grainState);
        }

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();
    }
}
