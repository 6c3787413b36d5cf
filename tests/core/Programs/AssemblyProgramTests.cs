using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Programs;
using Coordinator.Worker.Assemblies;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Programs;

/// <summary>
/// A silo that starts looks at every assembly of its process, and cannot where one is just being unloaded. No process of the product has
/// both; here nothing starts beside these, or after them.
/// </summary>
[CollectionDefinition("assemblies", DisableParallelization = true)]
public static class AssemblyRuns;

/// <summary>A program in an assembly, loaded into this process: this very assembly, which has one.</summary>
[Collection("assemblies")]
public sealed class AssemblyProgramTests
{
    private static readonly JobSpec Plain = new()
    {
        Model = new ModelSpec { Program = "dotnet" },
        Program = new ProgramSpec { Entry = "Coordinator.Tests.dll" },
        Training = new TrainingSpec { Steps = 10, BatchSize = 8, Shards = 4, MicroBatch = 2 },
    };

    [Fact]
    public void Its_tensors_are_the_model_and_its_gradient_is_that_of_the_shards_samples()
    {
        using var device = Open(Plain);
        device.Initialize();
        var state = new float[device.StateElements];
        device.ReadState(0, state);
        using var gradient = (HostGradient)device.CreateGradient();

        var result = device.ComputeShard(2, 1, gradient, CancellationToken.None);

        Assert.Equal((2.0, 2L), (result.LossSum, result.Targets));
        Assert.Equal(state[..6].Select(guess => (guess - 10) + (guess - 10 - 1)), gradient.Floats.ToArray());
        var tensor = Assert.Single(device.Model!);
        Assert.Equal(("guess", 0), (tensor.Name, tensor.Offset));
        Assert.Equal([3L, 2L], tensor.Shape);
        Assert.Equal("the first moment of guess (element 1)", ((IOwnDevice)device).StateNameOf(7));
    }

    [Fact]
    public void Ranks_of_one_worker_say_the_same_of_it_and_share_no_statics()
    {
        using var one = Open(With("counts"));
        using var other = Open(With("counts"));

        Assert.StartsWith($"dotnet-{Environment.Version} ", one.Identity, StringComparison.Ordinal);
        Assert.Contains(" probe=", one.Identity, StringComparison.Ordinal);
        Assert.Equal(one.Identity, other.Identity);
        using var otherwise = Open(Plain with { Settings = new JobSettings([new("width", "4")]) });
        Assert.NotEqual(one.Identity, otherwise.Identity);
    }

    [Fact]
    public void What_it_throws_is_a_fault_of_its_rank_alone_that_has_its_words_and_its_line()
    {
        using var device = Open(With("throws"));
        using var other = Open(Plain);
        using var gradient = device.CreateGradient();
        using var theirs = other.CreateGradient();

        var fault = Assert.Throws<ProgramCodeException>(() => device.ComputeShard(3, 1, gradient, CancellationToken.None));

        Assert.Matches(@"^TinyProgram failed in shard 1 of step 3: InvalidOperationException: the labels are of another task "
            + @"\((TinyProgram\.cs, line \d+|in TinyProgram\.Compute)\)$", fault.Message);
        Assert.Equal(FaultKind.Program, RankFaultException.KindOf(fault));
        Assert.Equal(2, other.ComputeShard(3, 1, theirs, CancellationToken.None).Targets);
    }

    [Fact]
    public void One_whose_shard_differs_when_it_is_computed_again_is_refused_and_trains_where_no_bits_are_promised()
    {
        var refused = Assert.Throws<InvalidJobException>(() => Open(With("wavers")));
        Assert.StartsWith("The program computes another gradient for the same shard and the same state: guess (element 3). ",
            refused.Message, StringComparison.Ordinal);

        using var allowed = Open(With("wavers") with { Program = Plain.Program! with { AllowNondeterminism = true } });
        Assert.DoesNotContain("probe=", allowed.Identity, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shard_that_is_computed_again_while_the_job_trains_must_be_the_same()
    {
        using var device = Open(With("wavers-later") with { Program = Plain.Program! with { CheckEvery = 6 } });
        using var gradient = device.CreateGradient();
        for (var shard = 0; shard < 5; shard++)
            device.ComputeShard(1, shard % 4, gradient, CancellationToken.None);

        var fault = Assert.Throws<ProgramDisagreementException>(() => device.ComputeShard(1, 2, gradient, CancellationToken.None));
        Assert.StartsWith("shard 2 of step 1 has another gradient when it is computed again at once: guess (element 3). ", fault.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("width", "0", "TinyProgram: settings.width is '0' but must be a whole number, 1 or more")]
    [InlineData("width", "wide", "TinyProgram: settings.width is 'wide' but must be a whole number, 1 or more")]
    [InlineData("misdeed", "murder", "TinyProgram: settings.misdeed is 'murder' but must be none or throws or wavers or wavers-later or "
        + "counts")]
    [InlineData("widht", "3", "TinyProgram: settings.widht is no setting of this program; it has settings.misdeed, settings.width")]
    public void A_setting_that_it_cannot_take_or_does_not_have_is_named(string name, string value, string said) =>
        Assert.Equal(said, Assert.Throws<InvalidJobException>(() => Open(Plain with
        {
            Settings = new JobSettings([new(name,
            value)])
        })).Message);

    [Fact]
    public void An_assembly_that_is_no_program_is_refused_by_what_it_lacks()
    {
        var refused = Assert.Throws<InvalidJobException>(() =>
            Open(Plain with { Program = new ProgramSpec { Entry = "Coordinator.Machines.dll" } }));
        Assert.StartsWith("Coordinator.Machines.dll is no program: it does not use Coordinator.Programs; build it with the package",
            refused.Message, StringComparison.Ordinal);

        refused = Assert.Throws<InvalidJobException>(() => Open(Plain with { Program = new ProgramSpec { Entry = "none.dll" } }));
        Assert.StartsWith("none.dll is not among the files of the program", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_contracts_version_is_that_of_its_assembly() =>
        Assert.Equal(ProgramContract.Version, typeof(TrainingProgram).Assembly.GetName().Version!.Major);

    [Fact]
    public void Kernels_look_at_every_span_before_a_pointer_is_made_of_it()
    {
        using var kernels = Coordinator.Worker.Kernels.KernelFactory.Create(Coordinator.Worker.Kernels.VectorWidth.Auto);
        var spans = new SpanKernels(kernels);
        var c = new float[4];

        spans.MatMul(false, false, 2, 2, 2, [1, 2, 3, 4], 2, [1, 0, 0, 1], 2, c, 2, accumulate: false);
        Assert.Equal([1, 2, 3, 4], c);
        Assert.Throws<ArgumentException>(() => spans.MatMul(false, false, 2, 2, 2, new float[3], 2, new float[4], 2, c, 2,
            accumulate: false));
        Assert.Throws<ArgumentException>(() => spans.MatMul(false, false, 2, 2, 2, new float[4], 1, new float[4], 2, c, 2,
            accumulate: false));
        Assert.Throws<ArgumentException>(() => spans.AddRow(new float[4], new float[1], c, 2, 2));
        Assert.Throws<ArgumentException>(() => spans.CrossEntropy(new float[4], [2, 0], 2, 2));
    }

    private static JobSpec With(string misdeed) => Plain with { Settings = new JobSettings([new("misdeed", misdeed)]) };

    private static IRankDevice Open(JobSpec spec)
    {
        var program = TrainingPrograms.Create(spec, AppContext.BaseDirectory);
        return program.Watch(program.CreateCpuDevice(null, new CpuDeviceOptions()));
    }
}
