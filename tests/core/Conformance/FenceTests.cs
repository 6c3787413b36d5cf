using Coordinator.Conformance;

namespace Coordinator.Tests.Conformance;

/// <summary>
/// The suite, checked: with a fence of the simulator's silo taken down a transcript fails, at the step that speaks of what the fence was
/// for. Every transcript is in the table, so none of them passes whatever an engine does; and every fence is. Orleans' fences are in
/// tests/orleans.
/// </summary>
public sealed class FenceTests
{
    /// <summary>Fence taken down; transcript; the step that fails.</summary>
    public static TheoryData<string, string, string> Table => new()
    {
        { "stores no observations", "a-checkpoint-without-numbers-is-never-complete", "expect steps j 1..40" },
        { "stores no observations", "a-last-update-that-leaves-no-numbers-ends-the-job", "expect steps j 1..4" },
        { "stores no observations", "a-gpu-rests-until-something-is-asked-of-it", "expect event 1x gpu.health gpu=n1/1" },
        { "wakes nobody", "a-gpu-that-is-out-stays-out-when-its-silo-dies", "await stored Cluster watched.0.gpu=n2/0 "
            + "watched.0.schedulable=false within 1s" },
        { "stores no observations", "a-gpu-whose-record-is-behind-refuses-its-orders", "expect steps j 1..5" },
        { "stores no observations", "a-cap-takes-a-rank-and-gives-it-back", "await event power.shed within 2s" },
        { "loads nothing", "a-cluster-remembers-who-has-what", "advance 5s" },
        { "stores no observations", "a-drain-waits-for-what-a-job-cannot-do-without", "expect steps j 1..900" },
        { "stores no observations", "a-drained-node-ends-a-gangs-generation-in-order", "await event gang.stopping node=n1 "
            + "text=\"generation 1 ends: n1: drained by ann: new disk\" within 4s" },
        { "loads nothing", "a-drained-node-leaves-with-no-step-lost",
            "await view Job:j phase=running members.count=2 incarnation=2 within 20s" },
        { "stores no observations", "the-last-gpu-of-a-job-is-drained", "expect steps j 1..100" },
        { "stores no observations", "a-dead-member-is-replaced", "expect event rank.excluded gpu=n2/0" },
        { "wakes nobody", "a-deadline-passes-at-its-time", "expect n1 told prepare generation=1" },
        { "stores no observations", "a-failed-write-is-tried-again", "expect event 1x job.submitted" },
        { "lets time jump after a load", "a-fault-quarantines-a-gpu", "expect stored Gpu:n2/0 health=Quarantined" },
        { "wakes nobody", "a-frozen-member-is-left-out", "await n1 told prepare generation=2 within 1s" },
        { "sends before it persists", "a-gpu-changes-hands-after-its-release", "expect n1 not told release job=a" },
        { "drops activations", "a-gpu-refuses-older-orders", "expect n1 not told plan" },
        { "hands out no Activated", "a-half-formed-generation-is-not-continued", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "wakes nobody", "a-lost-acknowledgement-is-ones-own-write", "await n1 told prepare generation=1 incarnation=1 within 2s" },
        { "wakes nobody", "a-moved-deadline-passes-once", "expect event 1x node.down node=n1 cause=\"no heartbeat\"" },
        { "drops activations", "a-node-asks-for-a-hello", "await view Cluster nodes.0.gpus=2 within 2s" },
        { "sends before it persists", "a-process-that-dies-before-its-write", "expect n1 not told prepare" },
        { "writes over another", "a-refused-turn-leaves-no-event", "expect no event job.failed" },
        { "writes over another", "a-refused-writer-is-discarded", "expect n1 told 0x release" },
        { "records a step twice", "a-repeated-step-is-recorded-once", "expect steps j 1..5" },
        { "loads nothing", "a-parked-job-stays-parked-when-its-silo-dies", "await stored Job:j incarnation=2 within 5s" },
        { "loads nothing", "a-running-generation-survives-the-silo", "await view Job:j phase=finished recorded=60 within 60s" },
        { "sends before it persists", "a-send-waits-for-its-persist", "expect n1 not told prepare" },
        { "loses every order", "accusations-are-gathered-and-lapse", "await n1 told prepare generation=1 within 2s" },
        { "hands out Activated late", "activated-comes-before-anything-else", "await n1 told release forget=true incarnation=2 within 2s" },
        { "sends before it persists", "an-acknowledged-write-outlives-the-process", "expect stored Job:j generation=2 incarnation=2" },
        { "lets time jump after a load", "deadlines-start-again-after-a-load", "expect n1 not told prepare" },
        { "stores no observations", "events-survive-a-lost-acknowledgement-once", "expect event 1x job.submitted" },
        { "sends before it persists", "grains-do-not-wait-for-each-other", "expect n1 not told steps-recorded" },
        { "drops a step", "hostile-delivery-seed-3", "expect steps j 1..60" },
        { "drops activations", "hostile-delivery-seed-5", "await view Job:j phase=running recorded>=5 within 60s" },
        { "loses every order", "hostile-delivery-seed-8", "await view Job:j phase=running recorded>=5 within 60s" },
        { "loads nothing", "hostile-delivery-with-a-dying-silo", "await view Job:j phase=running recorded>=3 within 60s" },
        { "syncs not", "incarnation-rises-with-each-load", "await view Job:j incarnation=2 phase=running within 5s" },
        { "wakes nobody", "messages-to-one-grain-keep-their-order", "expect view Cluster nodes.0.up=false" },
        { "carries outputs out backwards", "orders-of-a-turn-keep-their-order", "expect events in order node.up job.submitted "
            + "generation.forming rank.joined rank.joined" },
        { "sends before it persists", "steps-are-recorded-before-they-are-confirmed", "expect n1 not told steps-recorded" },
        { "sends before it persists", "storage-away-for-30-seconds", "expect n1 not told plan" },
        { "drops a step", "two-workers-train-to-the-end", "expect steps j 1..6" },
        { "sends twice to workers", "orders-of-a-turn-keep-their-order", "expect n1 told 1x prepare gpu=n1/0 generation=1" },
        { "loses every order", "too-few-gpus-make-a-job-wait", "await n1 told prepare generation=1 within 5s" },
        { "stores no observations", "an-older-session-changes-nothing", "expect event 1x node.down cause=now" },
        { "hands out no Activated", "a-second-submission-changes-nothing", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "wakes nobody", "silence-alone-condemns-nobody", "expect event 1x rank.excluded gpu=n2/0 cause=\"out of reach\"" },
        { "sends before it persists", "killed-again-and-again", "expect steps j 1..60" },
        { "hands out no Activated", "a-cancelled-job-releases-its-ranks", "await n1 told release forget=true within 5s" },
        { "sends before it persists", "a-member-leaves-when-it-may", "expect n3 not told release" },
        { "loses every order", "a-worker-that-lost-track-gets-the-whole", "await n1 told prepare generation=1 within 2s" },
        { "stores no observations", "a-plan-waits-for-the-record", "expect steps j 1..3" },
        { "stores no observations", "a-fault-leaves-the-nodes-other-gpu-in-its-job", "expect event 1x rank.excluded" },
        { "stores no observations", "a-gpu-that-needs-a-reset-leaves-its-job", "await event gpu.error cause=restart-program within 1s" },
        { "stores no observations", "a-job-never-mixes-device-classes", "await event job.short cause=\"device class\" within 5s" },
        { "stores no observations", "a-named-device-class-that-nobody-has-is-said", "await event job.short within 5s" },
        { "loses every order", "a-checkpoint-waits-for-the-record", "await n1 told prepare generation=1 within 2s" },
        { "loads nothing", "a-checkpoint-counts-when-it-is-complete", "await view Job:j phase=running incarnation=2 within 10s" },
        { "loses every order", "with-all-holders-gone-the-job-goes-back", "await event checkpoint.saved within 10s" },
        { "stores no observations", "a-job-that-its-devices-cannot-compute-fails", "expect event 1x job.failed" },
        { "loses every order", "a-cap-takes-the-less-important-job-whole", "await view Job:j phase=running recorded>=2 within 10s" },
        { "stores no observations", "a-job-that-fails-everywhere-is-to-blame-itself", "expect event 1x job.failed" },
        { "stores no observations", "a-job-is-given-more-steps", "expect event 1x job.extended" },
        { "loses every order", "a-job-that-needs-more-than-there-is-takes-nothing", "await view Job:k phase=finished within 20s" },
        { "stores no observations", "a-rank-that-prepares-is-no-failure", "expect event 1x rank.excluded gpu=n2/0 cause=\"no answer\"" },
        { "stores no observations", "one-freeze-is-one-failure", "expect event 1x rank.excluded" },
        { "stores no observations", "a-second-worker-of-a-name-is-refused", "expect event 1x node.refused node=n1" },
        { "stores no observations", "a-node-that-no-peer-reaches-is-set-aside", "expect event 1x rank.excluded gpu=n3/0 cause=\"connection "
            + "closed\"" },
        { "stores no observations", "an-earlier-state-is-better-than-none", "expect event 1x state.regained step=4 timeline=1" },
        { "stores no observations", "a-cancelled-gang-ends-in-order", "await event 1x generation.running within 3s" },
        { "loads nothing", "a-gang-outlives-every-silo", "advance 8s" },
        { "stores no observations", "a-gang-starts-whole-or-not-at-all", "await event 1x generation.running within 2s" },
        { "stores no observations", "a-gang-that-fails-again-and-again-ends-with-its-cause", "await event job.failed within 5s" },
        { "stores no observations", "a-gang-that-gets-on-has-its-restarts-back", "await event 1x job.finished within 5s" },
        { "sends before it persists", "a-gangs-generation-is-durable-before-it-is-ordered", "expect n1 not told gang-prepare" },
        { "stores no observations", "a-gradient-that-is-no-number-ends-the-job", "expect steps j 1..2" },
        { "stores no observations", "a-job-may-go-on-without-finite-numbers", "expect steps j 1..3" },
        { "stores no observations", "a-loss-that-is-no-number-ends-the-job", "expect event 1x checkpoint.saved" },
        { "stores no observations", "a-lost-race-for-the-port-costs-nothing", "expect event 2x gang.failure cause=\"port taken\"" },
        { "stores no observations", "a-process-that-fails-ends-its-generation", "await event 1x generation.running within 3s" },
        { "stores no observations", "a-silent-node-is-waited-for-until-its-lease-is-over", "await event 1x generation.running within 3s" },
        { "stores no observations", "a-worker-that-comes-back-runs-nothing", "await event 1x generation.running within 3s" },
        { "loses every order", "gangs-and-training-jobs-take-turns", "await n1 told plan job=a within 3s" },
        { "stores no observations", "a-program-that-begins-otherwise-takes-no-part",
            "expect event 1x rank.excluded gpu=n3/0 cause=\"fault: it begins with another state than the job's ranks: the script draws "
            + "something that is not seeded, or loads other weights here; the first tensor that differs is out.weight (state0=dd, "
            + "where the job has state0=bb)\"" },
        { "stores no observations", "a-program-that-disagrees-ends-the-promise", "await event job.no-promise gpu=n2/0 within 2s" },
        { "stores no observations", "a-program-that-hangs-is-a-fault-of-its-rank", "await event rank.excluded gpu=n2/0 within 2s" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public async Task Without_the_fence_the_transcript_fails_at_that_step(string fence, string name, string step)
    {
        var failure = await Assert.ThrowsAsync<TranscriptFailedException>(
            () => TranscriptPlayer.PlayAsync(Transcript.Load(name), BrokenEngines.Find(fence)));

        Assert.Equal(step, failure.Step);
    }

    [Fact]
    public void Every_transcript_fails_for_some_broken_engine_and_every_fence_is_missed_by_some_transcript()
    {
        var rows = Table.Select(row => (Fence: (string)row[0], Name: (string)row[1])).ToArray();

        Assert.Equal(Transcript.Names, rows.Select(row => row.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(
            BrokenEngines.Names.Order(StringComparer.Ordinal), rows.Select(row => row.Fence).Distinct().Order(StringComparer.Ordinal));
    }
}
