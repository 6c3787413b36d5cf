using Coordinator.Machines;
using Coordinator.Worker.Data;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Programs;

namespace Coordinator.Tests.Worker;

/// <content>Devices with memory of their own, devices that are lost, and devices that are the wrong ones.</content>
public sealed partial class NodeRanksTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData("abc")]
    [InlineData("aabb")]
    public async Task A_device_with_memory_of_its_own_ends_with_the_state_of_one_that_shares_the_hosts(string split) =>
        Assert.Equal(Expected(steps: 5), await TrainAsync(split, steps: 5, device => new AwayDevice(device)));

    [Theory]
    [InlineData(AwayFlaw.DropsUploads)]
    [InlineData(AwayFlaw.SkipsDownloads)]
    [InlineData(AwayFlaw.AddsToHostView)]
    public async Task A_number_that_does_not_make_its_way_shows_in_the_state(AwayFlaw flaw) =>
        Assert.NotEqual(Expected(steps: 5), await TrainAsync("a", steps: 5, device => new AwayDevice(device) { Flaw = flaw }));

    [Fact]
    public Task A_lost_device_is_told_and_disposed_of_and_the_next_generation_begins_with_another() =>
        IsReplacedAsync(null, FaultKind.Device, "CUDA_ERROR_ILLEGAL_ADDRESS on tiny:0");

    [Fact]
    public Task Data_that_cannot_be_read_any_more_are_the_workers_fault_and_the_next_generation_opens_them_anew() =>
        IsReplacedAsync(
            new DataException(DataProblem.Corrupt, "the data were cut short while in use"),
            FaultKind.Worker,
            "the data were cut short while in use");

    private async Task IsReplacedAsync(Exception? loss, FaultKind kind, string detail)
    {
        var worker = Worker("a", 2);
        (worker.Loses, worker.Loss) = (1, loss);
        var spec = Sample.Spec(shards: 8, steps: 5);
        await StartAsync("aa", spec);
        var fault = (RankFaulted)await worker.Said.Reader.Next("the fault", said => said is RankFaulted);
        Assert.Equal((1, true, kind), (fault.Gpu.Index, fault.Detail.Contains(detail, StringComparison.Ordinal), fault.Kind));
        var lost = worker.Devices.Single(device => device.LostFrom > 0);
        Assert.True(lost.Disposed);
        Assert.False(worker.Devices.Single(device => device.LostFrom == 0).Disposed);

        var next = Members("aa") with { Generation = 3 };
        worker.Ranks.Handle(new MembershipChanged(Change(next, spec)));
        for (var rank = 0; rank < 2; rank++)
            worker.Ranks.Handle(new RankOrdered(Prepare(next, rank)));
        var answers = new Dictionary<int, RankState>();
        while (answers.Count < 2)
        {
            var answer = (RankState)await worker.Said.Reader.Next("the answers", said => said is RankState { Generation: 3 });
            answers[answer.Gpu.Index] = answer;
        }

        Assert.Equal((2L, true, false), (answers[0].Applied, answers[0].HasState, answers[1].HasState));
        Assert.Equal(3, worker.Devices.Count);
        var blocks = ((3 * Parameters) + 15) / 16;
        worker.Ranks.Handle(new RankOrdered(Plan(next, 0, spec) with { FirstStep = 3, CatchUp = CatchUp.None }));
        worker.Ranks.Handle(new RankOrdered(
            Plan(next, 1, spec) with { FirstStep = 3, CatchUp = CatchUp.FetchState, Donors = [new DonorRun(0, 0, blocks)] }));
        for (var rank = 0; rank < 2; rank++)
        {
            Assert.Equal(
                Expected(steps: 5), ((RankFinished)await worker.Said.Reader.Next("the end", said => said is RankFinished)).StateSha256);
        }
    }

    [Fact]
    public async Task A_plan_for_another_class_of_devices_is_refused_as_a_fault_with_both_classes_and_computes_nothing()
    {
        var worker = Worker("a", 1);
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        await worker.Said.Reader.Next("the answer", said => said is RankState);
        var plan = Plan(members, 0, Sample.Spec());
        var own = CpuDeviceClass.Name();

        worker.Ranks.Handle(new RankOrdered(plan with { DeviceClass = "ilgpu-1.5.3-cuda-sm90-driver570.86.15-cuda12.8-k1" }));
        var fault = Assert.IsType<RankFaulted>(await worker.Said.Reader.Next("the next word"));
        Assert.Equal((Sample.Gpu("a"), members.Generation), (fault.Gpu, fault.Generation));
        Assert.Equal($"the plan is for devices of class ilgpu-1.5.3-cuda-sm90-driver570.86.15-cuda12.8-k1, and cpu is of class {own}: it "
            + "would compute other bits", fault.Detail);
        worker.Ranks.SiloReached();
        Assert.IsType<RankState>(await worker.Said.Reader.Next("the promise, which still stands"));
        Assert.Empty(worker.Devices.Single().Calls);

        // What was refused was not obeyed either: the right plan is.
        worker.Ranks.Handle(new RankOrdered(plan with { DeviceClass = own }));
        await worker.Said.Reader.Next("a step under it", said => said is RankAdvanced);
    }

    [Fact]
    public async Task A_job_that_the_device_cannot_compute_at_all_is_told_apart_from_a_fault_that_may_pass()
    {
        var worker = Worker("a", 1);
        worker.Wrap = _ => throw new InvalidJobException("heads of 512 channels");
        var members = Members("a");
        worker.Ranks.Handle(new MembershipChanged(Change(members, Sample.Spec())));
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        var fault = (RankFaulted)await worker.Said.Reader.Next("the fault");
        Assert.Equal(("heads of 512 channels", true), (fault.Detail, fault.Impossible));

        worker.Wrap = _ => throw new InsufficientMemoryException("no room");
        worker.Ranks.Handle(new RankOrdered(Prepare(members, 0)));
        fault = (RankFaulted)await worker.Said.Reader.Next("the second fault");
        Assert.Equal(("no room", false), (fault.Detail, fault.Impossible));
    }
}
