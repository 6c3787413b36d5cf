using Coordinator.Cli.Workers;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

/// <summary>
/// A job that starts from a file's weights has them as its state of step 0, and is refused where they are another model's.
/// </summary>
public sealed class PretrainedDeviceTests : IDisposable
{
    private static readonly JobSpec Spec = new() { Model = new ModelSpec { Program = "linear", Channels = 8 } };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_state_of_step_0_has_the_files_parameters_and_moments_of_zero()
    {
        var parameters = Parameters(Spec);
        using var programs = Programs();
        using var device = await CreateAsync(programs, Store(Spec, parameters));
        AssertBegins(device, parameters);
    }

    [Fact]
    public async Task Weights_of_another_shape_are_the_jobs_fault_and_the_tensor_is_named()
    {
        var wider = Spec with { Model = Spec.Model with { Channels = 9 } };
        using var programs = Programs();

        var refused = await Assert.ThrowsAsync<InvalidJobException>(() => CreateAsync(programs, Store(wider, Parameters(wider))));

        Assert.Contains("has the shape [1, 9]", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flipped")]
    [InlineData("cut")]
    [InlineData("gone")]
    public async Task What_happens_to_the_file_once_it_was_read_changes_no_bit(string how)
    {
        var parameters = Parameters(Spec);
        var initial = Store(Spec, parameters);
        using var programs = Programs();
        using var device = await CreateAsync(programs, initial);
        Damage(initial, how);

        AssertBegins(device, parameters);
        AssertBegins(device, parameters);
    }

    [Theory]
    [InlineData("flipped")]
    [InlineData("cut")]
    [InlineData("gone")]
    public async Task A_worker_whose_copy_was_damaged_since_its_last_job_fetches_it_again(string how)
    {
        var parameters = Parameters(Spec);
        var initial = Store(Spec, parameters);
        var sound = await File.ReadAllBytesAsync(DataStore.PathOf(folder.Path, initial.Sha256));
        using var programs = Programs((_, to, cancel) => to.WriteAsync(sound, cancel).AsTask());
        (await CreateAsync(programs, initial, "first")).Dispose();
        Damage(initial, how);

        using var device = await CreateAsync(programs, initial, "second");
        AssertBegins(device, parameters);
    }

    [Fact]
    public async Task A_damaged_copy_that_cannot_be_fetched_says_nothing_of_the_job()
    {
        var initial = Store(Spec, Parameters(Spec));
        Damage(initial, "flipped");
        using var programs = Programs();

        Assert.Equal(DataProblem.Corrupt, (await Assert.ThrowsAsync<DataException>(() => CreateAsync(programs, initial))).Problem);
    }

    [Fact]
    public async Task Weights_that_never_were_whole_are_the_jobs_fault()
    {
        var cut = new byte[4];
        var sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(cut));
        await File.WriteAllBytesAsync(DataStore.PathOf(folder.Path, sha256), cut);
        using var programs = Programs();

        await Assert.ThrowsAsync<InvalidJobException>(() => CreateAsync(programs, new InitialSpec { Sha256 = sha256, Bytes = cut.Length }));
    }

    [Theory]
    [InlineData("missing", "it lacks the tensor")]
    [InlineData("half", "holds F16, and parameters are F32")]
    [InlineData("more", "it has a tensor 'stray', which the job's model has not")]
    public void Tensors_that_are_missing_of_another_type_or_too_many_are_named(string what, string why)
    {
        var layout = TrainingPrograms.Create(Spec).Layout;
        var dtype = what == "half" ? SafeTensorsDtype.F16 : SafeTensorsDtype.F32;
        SafeTensor[] tensors = [.. layout.Tensors.Select(
            tensor => new SafeTensor(tensor.Name, dtype, [.. tensor.Shape.Select(axis => (long)axis)])).Skip(what == "missing" ? 1 : 0)];
        if (what == "more")
            tensors = [.. tensors, new SafeTensor("stray", dtype, [1])];
        var path = folder.File("weights");
        using (var writer = SafeTensorsWriter.Create(path, tensors))
        {
            foreach (var tensor in writer.Tensors)
                writer.AppendBytes(tensor.Name, new byte[tensor.Bytes]);
            writer.Commit();
        }

        using var file = SafeTensorsFile.Open(path);

        Assert.Contains(why, InitialWeights.WhyUnfit(file.Tensors, layout), StringComparison.Ordinal);
    }

    private static float[] Parameters(JobSpec spec) =>
        [.. Enumerable.Range(1, TrainingPrograms.Create(spec).Layout.ParameterCount).Select(i => 1f / i)];

    private static void AssertBegins(IRankDevice device, float[] parameters)
    {
        device.WriteState(0, new float[device.StateElements].Select(_ => 7f).ToArray());
        device.Initialize();

        var state = new float[device.StateElements];
        device.ReadState(0, state);
        Assert.Equal(parameters, state[..parameters.Length]);
        Assert.All(state[parameters.Length..], moment => Assert.Equal(0, moment));
    }

    private static Task<IRankDevice> CreateAsync(WorkerPrograms programs, InitialSpec initial, string job = "job") =>
        Task.Run(() =>
            programs.Create(new JobId(job), Spec with { Initial = initial }, new GpuId(new NodeId("node"), 0), CancellationToken.None));

    private WorkerPrograms Programs(Func<string, Stream, CancellationToken, Task>? fetch = null) =>
        new(new DataStore(folder.Path, fetch), new CpuDeviceOptions());

    /// <summary>In place, as a disk or another program does it. One bit of the last parameter flips.</summary>
    private void Damage(InitialSpec initial, string how)
    {
        var path = DataStore.PathOf(folder.Path, initial.Sha256);
        if (how == "gone")
        {
            File.Delete(path);
        }
        else if (how == "cut")
        {
            File.WriteAllBytes(path, new byte[4]);
        }
        else
        {
            var bytes = File.ReadAllBytes(path);
            bytes[^1] ^= 1;
            File.WriteAllBytes(path, bytes);
        }
    }

    private InitialSpec Store(JobSpec spec, float[] parameters)
    {
        var sha256 = ModelFile.Write(folder.File("model"), spec, WorkerPrograms.Layout(spec), HostFloats.Of(parameters));
        File.Move(folder.File("model"), DataStore.PathOf(folder.Path, sha256), overwrite: true);
        return new InitialSpec { Sha256 = sha256, Bytes = new FileInfo(DataStore.PathOf(folder.Path, sha256)).Length };
    }
}
