using System.Diagnostics;
using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.External;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Processes.Programs;

/// <summary>A rank's device whose other side is a process: a client of the protocol in plain Python, which can misbehave.</summary>
public sealed class ProgramDeviceTests : IDisposable
{
    private readonly string hooks = Path.GetTempFileName();

    public void Dispose() => File.Delete(hooks);

    [PythonFact]
    public void Two_processes_compute_the_same_and_a_newcomer_with_the_state_of_another_goes_on_with_it()
    {
        using var one = Start();
        using var other = Start();
        Assert.Equal(one.Identity, other.Identity);
        one.Initialize();
        using var gradient = one.CreateGradient();
        Step(one, 1, gradient);
        Step(one, 2, gradient);
        Assert.Throws<ProgramFaultException>(one.Initialize);

        var state = new float[one.StateElements];
        one.ReadState(0, state);
        other.WriteState(0, state);
        using var theirs = other.CreateGradient();
        Step(one, 3, gradient);
        Step(other, 3, theirs);
        Assert.Equal(StateOf(one), StateOf(other));
        Assert.NotEqual(state, StateOf(one));
    }

    [PythonFact]
    public void A_program_says_its_tensors_and_the_final_model_is_made_of_them()
    {
        using var device = Start();

        Assert.Equal(["weight", "bias"], device.Model!.Select(tensor => tensor.Name));
        Assert.Equal([0, 8], device.Model!.Select(tensor => tensor.Offset));
        Assert.Equal((9L, 9L, 16L), (device.ParameterCount, device.ModelElements, device.StateElements));
        Assert.StartsWith("plain-1 schema=", device.Identity, StringComparison.Ordinal);
    }

    [PythonTheory]
    [InlineData("kills-itself", "the program ended while it was needed: it was killed by signal 9 (SIGKILL)")]
    [InlineData("fails", "the program failed: ValueError: the labels are of another task (train.py, line 12)")]
    [InlineData("answers-out-of-order", "the program answered Applied where Computed was waited for (shard 0 of step 1)")]
    [InlineData("sends-nonsense", "the program sent message 77, which no program sends")]
    [InlineData("counts-below-zero", "the program counted -1 targets")]
    public void A_program_that_misbehaves_is_a_fault_of_its_rank_that_names_what_it_did_and_blames_no_device(string misdeed, string said)
    {
        using var device = Start(misdeed);
        using var gradient = device.CreateGradient();

        var fault = Assert.Throws<ProgramFaultException>(() => device.ComputeShard(1, 0, gradient, CancellationToken.None));

        Assert.Equal(said, fault.Message);
        Assert.Equal(FaultKind.Program, RankFaultException.KindOf(fault));
    }

    [PythonTheory]
    [InlineData(
        "ends-before-joining", "the program ended before it joined: it ended with exit code 3; its last words: no licence was found")]
    [InlineData(
        "speaks-another-version",
        "the program speaks version 2 of the protocol, and this worker version 1; install the package that came with it")]
    [InlineData("has-no-key", "the program did not give the key that it was started with")]
    [InlineData("hooks-after-nothing", "the program wants to be called after every 0 steps")]
    [InlineData("describes-too-much", "entry 'bias' of 4398046511104 bytes cannot lie at byte 32 of 64, behind byte 32")]
    public void A_program_that_cannot_join_is_no_device_and_says_why(string misdeed, string said) =>
        Assert.Equal(said, Assert.Throws<ProgramFaultException>(() => Start(misdeed)).Message);

    [PythonFact]
    public void A_program_whose_shard_differs_when_it_is_computed_again_is_no_device_of_a_job_that_promises_bits()
    {
        var refused = Assert.Throws<InvalidJobException>(() => Start("wavers"));

        Assert.StartsWith(
            "The program computes another gradient for the same shard and the same state: element 0 of the gradient.",
            refused.Message,
            StringComparison.Ordinal);
        using var allowed = new ProgramDevice(
            PythonPrograms.PlainJob(program => program with { AllowNondeterminism = true }),
            PythonPrograms.Plain("wavers"),
            CancellationToken.None);
        Assert.DoesNotContain("probe=", allowed.Identity, StringComparison.Ordinal);
    }

    [PythonFact]
    public void A_shard_that_is_computed_again_while_the_job_trains_must_be_the_same()
    {
        using var device = new ProgramDevice(
            PythonPrograms.PlainJob(program => program with { CheckEvery = 2 }),
            PythonPrograms.Plain("wavers-once", "1", "2"),
            CancellationToken.None);
        using var gradient = device.CreateGradient();
        device.ComputeShard(1, 0, gradient, CancellationToken.None);
        device.ComputeShard(1, 1, gradient, CancellationToken.None);
        device.ComputeShard(1, 3, gradient, CancellationToken.None);

        var fault = Assert.Throws<ProgramDisagreementException>(() => device.ComputeShard(1, 2, gradient, CancellationToken.None));
        Assert.StartsWith(
            "shard 2 of step 1 has another gradient when it is computed again at once: element 0 of the gradient.",
            fault.Message,
            StringComparison.Ordinal);
    }

    [PythonFact]
    public void What_a_program_does_after_a_recorded_step_comes_after_the_record_and_before_anything_that_leads_away()
    {
        using var device = StartWithHooks("hooks");
        using var gradient = device.CreateGradient();
        device.TakeRank(0);
        device.TakeRecorded(1);
        Step(device, 1, gradient);
        Step(device, 2, gradient);
        Assert.Empty(Hooks);

        // Of step 2 nothing is recorded: a shard of step 3 that is not wanted any more ends the waiting.
        using var unwanted = new CancellationTokenSource();
        unwanted.Cancel();
        Assert.Throws<OperationCanceledException>(() => device.ComputeShard(3, 0, gradient, unwanted.Token));
        Assert.Empty(Hooks);
        device.TakeRecorded(2);
        Step(device, 3, gradient);
        Assert.Equal(["hook 2 on rank 0"], Hooks);
        Step(device, 4, gradient);
        device.TakeRecorded(4);
        device.Complete(4);
        device.Complete(4);
        Assert.Equal(["hook 2 on rank 0", "hook 4 on rank 0"], Hooks);
        Assert.Null(device.Activity);
    }

    [PythonFact]
    public void Another_rank_than_0_has_nothing_to_do_after_steps_until_it_is_rank_0_with_the_state_of_such_a_step()
    {
        using var device = StartWithHooks("hooks");
        using var gradient = device.CreateGradient();
        device.TakeRank(1);
        Step(device, 1, gradient);
        Step(device, 2, gradient);
        device.TakeRank(0);
        device.TakeRecorded(2);
        Step(device, 3, gradient);

        Assert.Equal(["hook 2 on rank 0"], Hooks);
    }

    [PythonFact]
    public void What_a_program_does_after_a_step_may_change_nothing_and_the_first_tensor_that_it_changed_is_named()
    {
        using var device = StartWithHooks("hook-changes-state");
        using var gradient = device.CreateGradient();
        device.TakeRank(0);
        device.TakeRecorded(2);
        Step(device, 1, gradient);
        Step(device, 2, gradient);

        var fault = Assert.Throws<ProgramFaultException>(() => device.ComputeShard(3, 0, gradient, CancellationToken.None));
        Assert.Equal("what the program does after step 2 (@job.every) changed bias; it may change nothing of the state", fault.Message);
    }

    [PythonFact]
    public void Memory_that_a_program_shrinks_stays_as_large_as_it_was()
    {
        using var device = Start("shrinks-its-memory");
        using var gradient = device.CreateGradient();

        // The seal refuses it, which Python raises: the program ends, and this process can read on.
        Assert.Throws<ProgramFaultException>(() => device.ComputeShard(1, 0, gradient, CancellationToken.None));
        Assert.Equal(16, StateOf(device).Length);
    }

    [PythonFact]
    public void A_program_that_hangs_is_ended_when_its_job_says_so()
    {
        using var device = new ProgramDevice(
            PythonPrograms.PlainJob(program => program with { HangTimeout = TimeSpan.FromSeconds(2) }),
            PythonPrograms.Plain("hangs"),
            CancellationToken.None);
        using var process = Process.GetProcessById(device.ProcessId);
        using var gradient = device.CreateGradient();

        var fault = Assert.Throws<ProgramFaultException>(() => device.ComputeShard(1, 0, gradient, CancellationToken.None));

        Assert.Equal("the program said nothing for 2 s, where shard 0 of step 1 was waited for", fault.Message);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
    }

    [PythonFact]
    public void A_shard_that_nobody_wants_any_more_is_dropped_or_ends_and_the_device_goes_on()
    {
        using var device = Start();
        using var gradient = device.CreateGradient();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();

        // This client does not look for it: it answers, and finds the cancellation before its next order.
        device.ComputeShard(1, 1, gradient, cancelled.Token);
        Step(device, 1, gradient);
        Assert.NotEqual(new float[16], StateOf(device));
    }

    /// <summary>What a program did after steps; it has written it when its device goes on.</summary>
    private string[] Hooks => File.Exists(hooks) ? File.ReadAllLines(hooks) : [];

    private ProgramDevice StartWithHooks(string misdeed) => new(
        PythonPrograms.PlainJob(),
        PythonPrograms.Plain(misdeed) with { Variables = new Dictionary<string, string> { ["PLAIN_HOOKS"] = hooks } },
        CancellationToken.None);

    private static ProgramDevice Start(params string[] arguments) =>
        new(PythonPrograms.PlainJob(), PythonPrograms.Plain(arguments), CancellationToken.None);

    private static float[] StateOf(ProgramDevice device)
    {
        var state = new float[device.StateElements];
        device.ReadState(0, state);
        return state;
    }

    private static void Step(ProgramDevice device, long step, DeviceGradient gradient)
    {
        var targets = device.ComputeShard(step, 0, gradient, CancellationToken.None).Targets;
        device.ApplyStep(step, gradient, 1, targets);
    }
}
