using Coordinator.Conformance;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// The suite, checked on Orleans: with a fence taken down a transcript fails, at the step that speaks of what the fence was for.
/// </summary>
public sealed class FenceTests
{
    /// <summary>Fence taken down; transcript; the step that fails.</summary>
    public static TheoryData<string, string, string> Table => new()
    {
        { nameof(OrleansFences.StoresNoObservations), "a-checkpoint-without-numbers-is-never-complete", "expect steps j 1..40" },
        { nameof(OrleansFences.StoresNoObservations), "a-last-update-that-leaves-no-numbers-ends-the-job", "expect steps j 1..4" },
        { nameof(OrleansFences.StoresNoObservations), "a-cancelled-gang-ends-in-order", "await event 1x generation.running within 3s" },
        { nameof(OrleansFences.LoadsNothing), "a-gang-outlives-every-silo", "expect view Gang:g phase=running generation=1" },
        { nameof(OrleansFences.StoresNoObservations), "a-gang-starts-whole-or-not-at-all", "await event 1x generation.running within 2s" },
        { nameof(OrleansFences.StoresNoObservations), "a-gang-that-fails-again-and-again-ends-with-its-cause", "await event job.failed "
            + "within 5s" },
        { nameof(
            OrleansFences.StoresNoObservations), "a-gang-that-gets-on-has-its-restarts-back", "await event 1x job.finished within 5s" },
        { nameof(
            OrleansFences.AcknowledgesEarly), "a-gangs-generation-is-durable-before-it-is-ordered", "expect n1 not told gang-prepare" },
        { nameof(OrleansFences.StoresNoObservations), "a-gradient-that-is-no-number-ends-the-job", "expect steps j 1..2" },
        { nameof(OrleansFences.StoresNoObservations), "a-job-may-go-on-without-finite-numbers", "expect steps j 1..3" },
        { nameof(OrleansFences.StoresNoObservations), "a-loss-that-is-no-number-ends-the-job", "expect event 1x checkpoint.saved" },
        { nameof(OrleansFences.StoresNoObservations), "a-lost-race-for-the-port-costs-nothing", "expect event 2x gang.failure cause=\"port "
            + "taken\"" },
        { nameof(OrleansFences.StoresNoObservations), "a-process-that-fails-ends-its-generation", "await event 1x generation.running "
            + "within 3s" },
        { nameof(OrleansFences.StoresNoObservations), "a-silent-node-is-waited-for-until-its-lease-is-over", "await event 1x "
            + "generation.running within 3s" },
        { nameof(
            OrleansFences.StoresNoObservations), "a-worker-that-comes-back-runs-nothing", "await event 1x generation.running within 3s" },
        { nameof(OrleansFences.CarriesNothing), "gangs-and-training-jobs-take-turns", "await n1 told plan job=a within 3s" },
        { nameof(OrleansFences.StoresNoObservations), "a-cap-takes-a-rank-and-gives-it-back", "await event power.shed within 2s" },
        { nameof(OrleansFences.StoresNoObservations), "a-drain-waits-for-what-a-job-cannot-do-without", "expect steps j 1..900" },
        { nameof(OrleansFences.StoresNoObservations), "a-drained-node-ends-a-gangs-generation-in-order", "await event gang.stopping "
            + "node=n1 text=\"generation 1 ends: n1: drained by ann: new disk\" within 4s" },
        { nameof(OrleansFences.StoresNoObservations), "a-drained-node-leaves-with-no-step-lost", "await event drain.started "
            + "cause=\"new disk\" node=n1 within 2s" },
        { nameof(OrleansFences.StoresNoObservations), "the-last-gpu-of-a-job-is-drained", "expect steps j 1..100" },
        { nameof(OrleansFences.LoadsNothing), "a-cluster-remembers-who-has-what", "expect view Cluster allocations.1.job=b "
            + "allocations.1.gpus.0=n1/0" },
        { nameof(OrleansFences.StoresNoObservations), "a-dead-member-is-replaced", "expect event rank.excluded gpu=n2/0" },
        { nameof(OrleansFences.WakesNobody), "a-deadline-passes-at-its-time", "expect n1 told prepare generation=1" },
        { nameof(OrleansFences.StoresNoObservations), "a-failed-write-is-tried-again", "expect event 1x job.submitted" },
        { nameof(OrleansFences.LoadsNothing), "a-fault-quarantines-a-gpu", "await view Job:j incarnation=2 within 5s" },
        { nameof(OrleansFences.WakesNobody), "a-frozen-member-is-left-out", "await n1 told prepare generation=2 within 1s" },
        { nameof(OrleansFences.AcknowledgesEarly), "a-gpu-changes-hands-after-its-release", "expect n1 not told release job=a" },
        { nameof(OrleansFences.StoresNoObservations), "a-gpu-rests-until-something-is-asked-of-it", "expect event 1x gpu.health gpu=n1/1" },
        { nameof(OrleansFences.WakesNobody), "a-gpu-that-is-out-stays-out-when-its-silo-dies", "await stored Cluster watched.0.gpu=n2/0 "
            + "watched.0.schedulable=false within 1s" },
        { nameof(OrleansFences.StoresNoObservations), "a-gpu-whose-record-is-behind-refuses-its-orders", "expect steps j 1..5" },
        { nameof(OrleansFences.SendsTwice), "a-gpu-refuses-older-orders", "expect n1 told 1x plan" },
        { nameof(OrleansFences.LoadsNothing), "a-half-formed-generation-is-not-continued", "await n1 told prepare generation=2 "
            + "incarnation=2 within 5s" },
        { nameof(OrleansFences.ForgetsWriters), "a-lost-acknowledgement-is-ones-own-write", "await n1 told prepare generation=1 "
            + "incarnation=1 within 2s" },
        { nameof(OrleansFences.WakesNobody), "a-moved-deadline-passes-once", "expect event 1x node.down node=n1 cause=\"no heartbeat\"" },
        { nameof(OrleansFences.CarriesNothing), "a-node-asks-for-a-hello", "await view Cluster nodes.0.gpus=2 within 2s" },
        { nameof(OrleansFences.AcknowledgesEarly), "a-process-that-dies-before-its-write", "expect n1 not told prepare" },
        { nameof(OrleansFences.RefusesNobody), "a-refused-turn-leaves-no-event", "expect no event job.failed" },
        { nameof(OrleansFences.RefusesNobody), "a-refused-writer-is-discarded", "expect n1 told 0x release" },
        { nameof(OrleansFences.StoresStepsAgain), "a-repeated-step-is-recorded-once", "expect steps j 1..5" },
        { nameof(
            OrleansFences.LoadsNothing), "a-parked-job-stays-parked-when-its-silo-dies", "await stored Job:j incarnation=2 within 5s" },
        { nameof(OrleansFences.LoadsNothing), "a-running-generation-survives-the-silo", "await view Job:j phase=finished recorded=60 "
            + "within 60s" },
        { nameof(OrleansFences.LoadsNothing), "a-second-submission-changes-nothing", "await n1 told prepare generation=2 incarnation=2 "
            + "within 5s" },
        { nameof(OrleansFences.AcknowledgesEarly), "a-send-waits-for-its-persist", "expect n1 not told prepare" },
        { nameof(OrleansFences.StoresNoObservations), "accusations-are-gathered-and-lapse", "expect event 1x rank.excluded gpu=n3/0" },
        { nameof(OrleansFences.LoadsNothing), "activated-comes-before-anything-else", "await n1 told release forget=true incarnation=2 "
            + "within 2s" },
        { nameof(OrleansFences.LoadsNothing), "an-acknowledged-write-outlives-the-process", "await n1 told prepare generation=2 "
            + "incarnation=2 within 5s" },
        { nameof(OrleansFences.StoresNoObservations), "an-older-session-changes-nothing", "expect event 1x node.down cause=now" },
        { nameof(OrleansFences.WakesNobody), "deadlines-start-again-after-a-load", "await n1 told prepare generation=1 within 4s" },
        { nameof(OrleansFences.StoresNoObservations), "events-survive-a-lost-acknowledgement-once", "expect event 1x job.submitted" },
        { nameof(OrleansFences.AcknowledgesEarly), "grains-do-not-wait-for-each-other", "expect n1 not told steps-recorded" },
        { nameof(OrleansFences.StoresNoObservations), "hostile-delivery-seed-3", "expect steps j 1..60" },
        { nameof(OrleansFences.StoresNoObservations), "hostile-delivery-seed-5", "expect steps j 1..60" },
        { nameof(OrleansFences.StoresNoObservations), "hostile-delivery-seed-8", "expect steps j 1..60" },
        { nameof(
            OrleansFences.LoadsNothing), "hostile-delivery-with-a-dying-silo", "await view Job:j phase=running recorded>=3 within 60s" },
        { nameof(
            OrleansFences.LoadsNothing), "incarnation-rises-with-each-load", "await view Job:j incarnation=2 phase=running within 5s" },
        { nameof(OrleansFences.AcknowledgesEarly), "killed-again-and-again", "expect steps j 1..60" },
        { nameof(OrleansFences.WakesNobody), "messages-to-one-grain-keep-their-order", "expect view Cluster nodes.0.up=false" },
        { nameof(OrleansFences.SendsTwice), "orders-of-a-turn-keep-their-order", "expect n1 told 1x prepare gpu=n1/0 generation=1" },
        { nameof(
            OrleansFences.WakesNobody), "silence-alone-condemns-nobody", "expect event 1x rank.excluded gpu=n2/0 cause=\"out of reach\"" },
        { nameof(OrleansFences.AcknowledgesEarly), "steps-are-recorded-before-they-are-confirmed", "expect n1 not told steps-recorded" },
        { nameof(OrleansFences.AcknowledgesEarly), "storage-away-for-30-seconds", "expect n1 not told plan" },
        { nameof(OrleansFences.CarriesNothing), "too-few-gpus-make-a-job-wait", "await n1 told prepare generation=1 within 5s" },
        { nameof(OrleansFences.StoresNoObservations), "two-workers-train-to-the-end", "expect steps j 1..6" },
        { nameof(OrleansFences.LoadsNothing), "a-cancelled-job-releases-its-ranks", "await n1 told release forget=true incarnation=3 "
            + "within 10s" },
        { nameof(OrleansFences.AcknowledgesEarly), "a-member-leaves-when-it-may", "expect n3 not told release" },
        { nameof(OrleansFences.StoresNoObservations), "a-plan-waits-for-the-record", "expect steps j 1..3" },
        { nameof(OrleansFences.CarriesNothing), "a-worker-that-lost-track-gets-the-whole", "await n1 told prepare generation=1 within 2s" },
        { nameof(OrleansFences.StoresNoObservations), "a-fault-leaves-the-nodes-other-gpu-in-its-job", "expect event 1x rank.excluded" },
        { nameof(OrleansFences.StoresNoObservations), "a-gpu-that-needs-a-reset-leaves-its-job", "await event gpu.error "
            + "cause=restart-program within 1s" },
        { nameof(OrleansFences.StoresNoObservations), "a-job-never-mixes-device-classes", "await event job.short cause=\"device class\" "
            + "within 5s" },
        { nameof(OrleansFences.StoresNoObservations), "a-job-that-its-devices-cannot-compute-fails", "expect event 1x job.failed" },
        { nameof(OrleansFences.StoresNoObservations), "a-named-device-class-that-nobody-has-is-said", "await event job.short within 5s" },
        { nameof(OrleansFences.CarriesNothing), "a-checkpoint-waits-for-the-record", "await n1 told prepare generation=1 within 2s" },
        { nameof(OrleansFences.LoadsNothing), "a-checkpoint-counts-when-it-is-complete", "await view Job:j phase=running incarnation=2 "
            + "within 10s" },
        { nameof(
            OrleansFences.StoresNoObservations), "with-all-holders-gone-the-job-goes-back", "await event checkpoint.saved within 10s" },
        { nameof(OrleansFences.StoresNoObservations), "a-second-worker-of-a-name-is-refused", "expect event 1x node.refused node=n1" },
        { nameof(OrleansFences.StoresNoObservations), "a-node-that-no-peer-reaches-is-set-aside", "expect event 1x rank.excluded gpu=n3/0 "
            + "cause=\"connection closed\"" },
        { nameof(OrleansFences.StoresNoObservations), "an-earlier-state-is-better-than-none", "expect event 1x state.regained step=4 "
            + "timeline=1" },
        { nameof(OrleansFences.CarriesNothing), "a-cap-takes-the-less-important-job-whole", "await view Job:j phase=running recorded>=2 "
            + "within 10s" },
        { nameof(OrleansFences.StoresNoObservations), "a-job-that-fails-everywhere-is-to-blame-itself", "expect event 1x job.failed" },
        { nameof(OrleansFences.StoresNoObservations), "a-job-is-given-more-steps", "expect event 1x job.extended" },
        { nameof(OrleansFences.CarriesNothing), "a-job-that-needs-more-than-there-is-takes-nothing", "expect view Cluster "
            + "allocations.0.gpus.count=0" },
        { nameof(OrleansFences.StoresNoObservations), "a-rank-that-prepares-is-no-failure", "expect event 1x rank.excluded gpu=n2/0 "
            + "cause=\"no answer\"" },
        { nameof(OrleansFences.StoresNoObservations), "one-freeze-is-one-failure", "expect event 1x rank.excluded" },
        { nameof(OrleansFences.StoresNoObservations), "a-program-that-begins-otherwise-takes-no-part",
            "expect event 1x rank.excluded gpu=n3/0 cause=\"fault: it begins with another state than the job's ranks: the script draws "
            + "something that is not seeded, or loads other weights here; the first tensor that differs is out.weight (state0=dd, "
            + "where the job has state0=bb)\"" },
        { nameof(OrleansFences.StoresNoObservations), "a-program-that-disagrees-ends-the-promise",
            "await event job.no-promise gpu=n2/0 within 2s" },
        { nameof(OrleansFences.StoresNoObservations), "a-program-that-hangs-is-a-fault-of-its-rank",
            "await event rank.excluded gpu=n2/0 within 2s" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public async Task Without_the_fence_the_transcript_fails_at_that_step(string fence, string name, string step)
    {
        var down = Enum.Parse<OrleansFences>(fence);
        var failure = await Assert.ThrowsAsync<TranscriptFailedException>(
            () => TranscriptPlayer.PlayAsync(Transcript.Load(name), setup => OrleansUnderTest.Begin(setup, down)));

        Assert.Equal(step, failure.Step);
    }

    [Fact]
    public void Every_transcript_fails_without_some_fence_and_every_fence_is_missed_by_some_transcript()
    {
        Assert.Equal(Transcript.Names, Table.Select(row => (string)row[1]).Order(StringComparer.Ordinal));
        Assert.Equal(
            Enum.GetNames<OrleansFences>().Where(name => name != nameof(OrleansFences.None)).Order(StringComparer.Ordinal),
            Table.Select(row => (string)row[0]).Distinct().Order(StringComparer.Ordinal));
    }
}
