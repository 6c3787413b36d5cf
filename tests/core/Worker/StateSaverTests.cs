using System.Collections.Concurrent;
using Coordinator.Machines;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

/// <summary>A checkpoint takes the place of a state only once all of it has been found right.</summary>
public sealed class StateSaverTests : IDisposable
{
    private const int Elements = 120;
    private static readonly CheckpointId Id = new(0, 12, 1);

    private readonly string root = Directory.CreateTempSubdirectory("coordinator-saver-").FullName;
    private readonly TinyDevice device = new(Elements / 3);
    private readonly float[] before = [.. Enumerable.Range(0, Elements).Select(i => i * 0.5f)];
    private readonly float[] saved = [.. Enumerable.Range(0, Elements).Select(i => 7 - i)];

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(root, recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_right_checkpoint_is_the_state(bool verifyFirst)
    {
        var checkpoint = Save();
        Assert.Equal((null, true), await LoadAsync(checkpoint, verifyFirst));
        Assert.Equal(saved, StateNow());
    }

    [Fact]
    public async Task Of_a_damaged_one_nothing_is_written_over_a_state_that_is_to_be_kept()
    {
        var checkpoint = Save();
        Damage();
        var (failure, isTouched) = await LoadAsync(checkpoint, verifyFirst: true);
        Assert.NotNull(failure);
        Assert.False(isTouched);
        Assert.Equal(before, StateNow());
    }

    [Fact]
    public async Task Where_none_is_to_be_kept_a_damaged_one_is_read_once_and_what_is_left_is_said_to_be_no_state()
    {
        var checkpoint = Save();
        Damage();
        var (failure, isTouched) = await LoadAsync(checkpoint, verifyFirst: false);
        Assert.NotNull(failure);
        Assert.True(isTouched);
    }

    [Fact]
    public async Task A_load_that_is_given_up_in_the_middle_writes_nothing_more_and_another_may_follow()
    {
        var checkpoint = Save();
        var answered = new TaskCompletionSource<StateLoaded>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var pieces = new BlockingCollection<Action>();

        // The word that the first one was read whole may be under way when it is given up; its ticket says whose it is.
        using var saver = Saver(pieces.Add, input =>
        {
            if (Assert.IsType<StateLoaded>(input) is { Ticket: 2 } again)
                answered.TrySetResult(again);
        });
        saver.Load(new LoadState(1, checkpoint, VerifyFirst: false));
        Take()();
        var late = Take();
        Assert.NotEqual(before, StateNow());

        saver.Dispose();
        device.WriteState(0, before);
        late();
        Assert.Equal(before, StateNow());

        saver.Load(new LoadState(2, checkpoint, VerifyFirst: false));
        while (!answered.Task.IsCompleted)
            Take()();
        var second = await answered.Task;
        Assert.Equal((2, null), (second.Ticket, second.Failure));
        Assert.Equal(saved, StateNow());

        Action Take() => pieces.TryTake(out var piece, TimeSpan.FromMinutes(1)) ? piece : throw new TimeoutException("no piece came");
    }

    [Fact]
    public async Task Storage_that_answers_late_is_heard_by_nobody()
    {
        var checkpoint = Save();
        using var answer = new ManualResetEventSlim();
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var folder = new CheckpointFolder(Path.Combine(root, "checkpoints"))
        {
            Opening = path =>
            {
                opened.TrySetResult();
                answer.Wait();
                return new Closing(path, () => closed.TrySetResult());
            },
        };
        using var saver = Saver(job => job(), input => Assert.Fail($"{input}"), folder);
        saver.Load(new LoadState(1, checkpoint, VerifyFirst: false));
        await opened.Task.For("the reading of a part");
        saver.Dispose();
        answer.Set();
        await closed.Task.For("the end of the reading");
        Assert.Equal(before, StateNow());
    }

    [Fact]
    public async Task A_load_that_is_cut_short_because_somebody_waits_says_nothing_against_the_checkpoint()
    {
        var checkpoint = Save();
        using var answer = new ManualResetEventSlim();
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var folder = new CheckpointFolder(Path.Combine(root, "checkpoints"))
        {
            Opening = path =>
            {
                opened.TrySetResult();
                answer.Wait();
                return File.OpenRead(path);
            },
        };
        var answered = new TaskCompletionSource<StateLoaded>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var saver = Saver(job => job(), input => answered.TrySetResult(Assert.IsType<StateLoaded>(input)), folder);
        saver.Load(new LoadState(1, checkpoint, VerifyFirst: false));
        await opened.Task.For("the reading of a part");
        saver.Hurry();
        var loaded = await answered.Task.For("an answer");
        answer.Set();
        Assert.NotNull(loaded.Failure);
        Assert.True(loaded.IsGivenUp);
    }

    private sealed class Closing(string path, Action closed) : FileStream(path, FileMode.Open, FileAccess.Read)
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing)
                closed();
        }
    }

    private StateSaver Saver(Action<Action> postState, Action<RankInput> answer, CheckpointFolder? folder = null) => new(
        new RankHostOptions
        {
            Job = Sample.Job,
            Spec = Sample.Spec(),
            Gpu = Sample.Gpu("a"),
            Boot = 1,
            Checkpoints = folder ?? Folder,
            HurriedReadLimit = TimeSpan.FromMilliseconds(10)
        }, device, new NonfiniteNumbers(device), FaultPlan.None, postState, answer);

    private CheckpointFolder Folder => new(Path.Combine(root, "checkpoints"));

    private CheckpointRef Save()
    {
        device.WriteState(0, before);
        CheckpointPart[] parts =
        [
            Folder.WritePart(Sample.Job, Id, 0, 2, 0, HostFloats.Of(saved.AsSpan(0, 60)), 60),
            Folder.WritePart(Sample.Job, Id, 1, 2, 60, HostFloats.Of(saved.AsSpan(60)), saved.Length - 60),
        ];
        var sha256 = Folder.Seal(new CheckpointManifest
        {
            Job = Sample.Job.Value,
            Timeline = Id.Timeline,
            Step = Id.Step,
            Generation = Id.Generation,
            DeviceClass = "cpu",
            Elements = Elements,
            Parts = parts,
        });
        return new CheckpointRef(Id, sha256, parts.Sum(part => part.Bytes), parts.Length);
    }

    /// <summary>A bit of the second part flips, so that the first has been taken when it shows.</summary>
    private void Damage()
    {
        var path = Path.Combine(Folder.PathOf(Sample.Job, Id), "part-00001-of-00002.safetensors");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    private async Task<(string? Failure, bool IsStateTouched)> LoadAsync(CheckpointRef checkpoint, bool verifyFirst)
    {
        var answered = new TaskCompletionSource<StateLoaded>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var saver = Saver(job => job(), input => answered.TrySetResult(Assert.IsType<StateLoaded>(input)));
        saver.Load(new LoadState(1, checkpoint, verifyFirst));
        var loaded = await answered.Task;
        return (loaded.Failure, loaded.IsStateTouched);
    }

    private float[] StateNow()
    {
        var state = new float[Elements];
        device.ReadState(0, state);
        return state;
    }
}
