using Coordinator.Conformance;

namespace Coordinator.Tests.Conformance;

/// <summary>
/// The suite, checked: with a fence of an engine taken down a transcript fails, at the step that speaks of what the fence was for. Every
/// transcript is in the table for each engine, so none of them passes whatever an engine does; and every fence is.
/// </summary>
public sealed class FenceTests
{
    /// <summary>Engine and fence taken down; transcript; the step that fails.</summary>
    public static TheoryData<string, string, string> Table => new()
    {
        { "embedded: stores no observations", "a-cap-takes-a-rank-and-gives-it-back", "await event power.shed within 2s" },
        { "embedded: loads nothing", "a-cluster-remembers-who-has-what", "expect view Cluster allocations.1.job=b allocations.1.gpus.0=n1/0" },
        { "embedded: stores no observations", "a-dead-member-is-replaced", "expect event rank.excluded gpu=n2/0" },
        { "embedded: wakes nobody", "a-deadline-passes-at-its-time", "expect n1 told prepare generation=1" },
        { "embedded: takes unacknowledged for refused", "a-failed-write-is-tried-again", "await n1 told prepare generation=1 incarnation=1 within 2s" },
        { "embedded: lets time jump after a load", "a-fault-quarantines-a-gpu", "expect stored Gpu:n2/0 health=Quarantined" },
        { "embedded: wakes nobody", "a-frozen-member-is-left-out", "await n1 told prepare generation=2 within 1s" },
        { "embedded: acknowledges before it is durable", "a-gpu-changes-hands-after-its-release", "expect n1 not told release job=a" },
        { "embedded: stores no observations", "a-gpu-rests-until-something-is-asked-of-it", "expect event 1x gpu.health gpu=n1/1" },
        { "embedded: wakes nobody", "a-gpu-that-is-out-stays-out-when-its-silo-dies", "await stored Cluster watched.0.gpu=n2/0 watched.0.schedulable=false within 1s" },
        { "embedded: stores no observations", "a-gpu-whose-record-is-behind-refuses-its-orders", "expect steps j 1..5" },
        { "simulator: stores no observations", "a-gpu-rests-until-something-is-asked-of-it", "expect event 1x gpu.health gpu=n1/1" },
        { "simulator: wakes nobody", "a-gpu-that-is-out-stays-out-when-its-silo-dies", "await stored Cluster watched.0.gpu=n2/0 watched.0.schedulable=false within 1s" },
        { "simulator: stores no observations", "a-gpu-whose-record-is-behind-refuses-its-orders", "expect steps j 1..5" },
        { "embedded: drops activations", "a-gpu-refuses-older-orders", "expect n1 not told plan" },
        { "embedded: hands out no Activated", "a-half-formed-generation-is-not-continued", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "embedded: takes unacknowledged for refused", "a-lost-acknowledgement-is-ones-own-write", "await n1 told prepare generation=1 incarnation=1 within 2s" },
        { "embedded: wakes nobody", "a-moved-deadline-passes-once", "expect event 1x node.down node=n1 cause=\"no heartbeat\"" },
        { "embedded: drops activations", "a-node-asks-for-a-hello", "await view Cluster nodes.0.gpus=2 within 2s" },
        { "embedded: acknowledges before it is durable", "a-process-that-dies-before-its-write", "expect n1 not told prepare" },
        { "embedded: stores what a refused turn observed", "a-refused-turn-leaves-no-event", "expect no event job.failed" },
        { "embedded: refuses no write", "a-refused-writer-is-discarded", "expect n1 told 0x release" },
        { "embedded: takes unacknowledged for refused", "a-repeated-step-is-recorded-once", "await n1 told steps-recorded through=3 within 2s" },
        { "embedded: loads nothing", "a-parked-job-stays-parked-when-its-silo-dies", "await stored Job:j incarnation=2 within 5s" },
        { "embedded: loads nothing", "a-running-generation-survives-the-silo", "await view Job:j phase=finished recorded=60 within 60s" },
        { "embedded: acknowledges before it is durable", "a-send-waits-for-its-persist", "expect n1 not told prepare" },
        { "embedded: loses every order", "accusations-are-gathered-and-lapse", "await n1 told prepare generation=1 within 2s" },
        { "embedded: hands out Activated late", "activated-comes-before-anything-else", "expect stored Job:j phase=Failed incarnation=2" },
        { "embedded: acknowledges before it is durable", "an-acknowledged-write-outlives-the-process", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "embedded: lets time jump after a load", "deadlines-start-again-after-a-load", "expect n1 not told prepare" },
        { "embedded: does not know its own batch", "events-survive-a-lost-acknowledgement-once", "expect event 1x job.submitted" },
        { "embedded: acknowledges before it is durable", "grains-do-not-wait-for-each-other", "expect n1 not told steps-recorded" },
        { "embedded: stores states alone", "hostile-delivery-seed-3", "expect steps j 1..60" },
        { "embedded: drops activations", "hostile-delivery-seed-5", "await view Job:j phase=running recorded>=5 within 60s" },
        { "embedded: loses every order", "hostile-delivery-seed-8", "await view Job:j phase=running recorded>=5 within 60s" },
        { "embedded: loads nothing", "hostile-delivery-with-a-dying-silo", "await view Job:j phase=running recorded>=3 within 60s" },
        { "embedded: hands out no Activated", "incarnation-rises-with-each-load", "await view Job:j incarnation=2 phase=running within 5s" },
        { "embedded: wakes nobody", "messages-to-one-grain-keep-their-order", "expect view Cluster nodes.0.up=false" },
        { "embedded: carries outputs out backwards", "orders-of-a-turn-keep-their-order", "expect events in order node.up job.submitted generation.forming rank.joined rank.joined" },
        { "embedded: acknowledges before it is durable", "steps-are-recorded-before-they-are-confirmed", "expect n1 not told steps-recorded" },
        { "embedded: does not wait for storage", "storage-away-for-30-seconds", "expect n1 not told plan" },
        { "embedded: stores no observations", "two-workers-train-to-the-end", "expect steps j 1..6" },
        { "embedded: sends twice to workers", "orders-of-a-turn-keep-their-order", "expect n1 told 1x prepare gpu=n1/0 generation=1" },
        { "simulator: stores no observations", "a-cap-takes-a-rank-and-gives-it-back", "await event power.shed within 2s" },
        { "simulator: loads nothing", "a-cluster-remembers-who-has-what", "advance 5s" },
        { "simulator: stores no observations", "a-dead-member-is-replaced", "expect event rank.excluded gpu=n2/0" },
        { "simulator: wakes nobody", "a-deadline-passes-at-its-time", "expect n1 told prepare generation=1" },
        { "simulator: stores no observations", "a-failed-write-is-tried-again", "expect event 1x job.submitted" },
        { "simulator: lets time jump after a load", "a-fault-quarantines-a-gpu", "expect stored Gpu:n2/0 health=Quarantined" },
        { "simulator: wakes nobody", "a-frozen-member-is-left-out", "await n1 told prepare generation=2 within 1s" },
        { "simulator: sends before it persists", "a-gpu-changes-hands-after-its-release", "expect n1 not told release job=a" },
        { "simulator: drops activations", "a-gpu-refuses-older-orders", "expect n1 not told plan" },
        { "simulator: hands out no Activated", "a-half-formed-generation-is-not-continued", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "simulator: wakes nobody", "a-lost-acknowledgement-is-ones-own-write", "await n1 told prepare generation=1 incarnation=1 within 2s" },
        { "simulator: wakes nobody", "a-moved-deadline-passes-once", "expect event 1x node.down node=n1 cause=\"no heartbeat\"" },
        { "simulator: drops activations", "a-node-asks-for-a-hello", "await view Cluster nodes.0.gpus=2 within 2s" },
        { "simulator: sends before it persists", "a-process-that-dies-before-its-write", "expect n1 not told prepare" },
        { "simulator: writes over another", "a-refused-turn-leaves-no-event", "expect no event job.failed" },
        { "simulator: writes over another", "a-refused-writer-is-discarded", "expect n1 told 0x release" },
        { "simulator: records a step twice", "a-repeated-step-is-recorded-once", "expect steps j 1..5" },
        { "simulator: loads nothing", "a-parked-job-stays-parked-when-its-silo-dies", "await stored Job:j incarnation=2 within 5s" },
        { "simulator: loads nothing", "a-running-generation-survives-the-silo", "await view Job:j phase=finished recorded=60 within 60s" },
        { "simulator: sends before it persists", "a-send-waits-for-its-persist", "expect n1 not told prepare" },
        { "simulator: loses every order", "accusations-are-gathered-and-lapse", "await n1 told prepare generation=1 within 2s" },
        { "simulator: hands out Activated late", "activated-comes-before-anything-else", "await n1 told release forget=true incarnation=2 within 2s" },
        { "simulator: sends before it persists", "an-acknowledged-write-outlives-the-process", "expect stored Job:j generation=2 incarnation=2" },
        { "simulator: lets time jump after a load", "deadlines-start-again-after-a-load", "expect n1 not told prepare" },
        { "simulator: stores no observations", "events-survive-a-lost-acknowledgement-once", "expect event 1x job.submitted" },
        { "simulator: sends before it persists", "grains-do-not-wait-for-each-other", "expect n1 not told steps-recorded" },
        { "simulator: drops a step", "hostile-delivery-seed-3", "expect steps j 1..60" },
        { "simulator: drops activations", "hostile-delivery-seed-5", "await view Job:j phase=running recorded>=5 within 60s" },
        { "simulator: loses every order", "hostile-delivery-seed-8", "await view Job:j phase=running recorded>=5 within 60s" },
        { "simulator: loads nothing", "hostile-delivery-with-a-dying-silo", "await view Job:j phase=running recorded>=3 within 60s" },
        { "simulator: syncs not", "incarnation-rises-with-each-load", "await view Job:j incarnation=2 phase=running within 5s" },
        { "simulator: wakes nobody", "messages-to-one-grain-keep-their-order", "expect view Cluster nodes.0.up=false" },
        { "simulator: carries outputs out backwards", "orders-of-a-turn-keep-their-order", "expect events in order node.up job.submitted generation.forming rank.joined rank.joined" },
        { "simulator: sends before it persists", "steps-are-recorded-before-they-are-confirmed", "expect n1 not told steps-recorded" },
        { "simulator: sends before it persists", "storage-away-for-30-seconds", "expect n1 not told plan" },
        { "simulator: drops a step", "two-workers-train-to-the-end", "expect steps j 1..6" },
        { "simulator: sends twice to workers", "orders-of-a-turn-keep-their-order", "expect n1 told 1x prepare gpu=n1/0 generation=1" },
        { "embedded: loses every order", "too-few-gpus-make-a-job-wait", "await n1 told prepare generation=1 within 5s" },
        { "embedded: stores no observations", "an-older-session-changes-nothing", "expect event 1x node.down cause=now" },
        { "embedded: hands out no Activated", "a-second-submission-changes-nothing", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "embedded: wakes nobody", "silence-alone-condemns-nobody", "expect event 1x rank.excluded gpu=n2/0 cause=\"out of reach\"" },
        { "embedded: acknowledges before it is durable", "killed-again-and-again", "expect steps j 1..60" },
        { "simulator: loses every order", "too-few-gpus-make-a-job-wait", "await n1 told prepare generation=1 within 5s" },
        { "simulator: stores no observations", "an-older-session-changes-nothing", "expect event 1x node.down cause=now" },
        { "simulator: hands out no Activated", "a-second-submission-changes-nothing", "await n1 told prepare generation=2 incarnation=2 within 5s" },
        { "simulator: wakes nobody", "silence-alone-condemns-nobody", "expect event 1x rank.excluded gpu=n2/0 cause=\"out of reach\"" },
        { "simulator: sends before it persists", "killed-again-and-again", "expect steps j 1..60" },
        { "embedded: hands out no Activated", "a-cancelled-job-releases-its-ranks", "await n1 told release forget=true within 5s" },
        { "embedded: acknowledges before it is durable", "a-member-leaves-when-it-may", "expect n3 not told release" },
        { "embedded: loses every order", "a-worker-that-lost-track-gets-the-whole", "await n1 told prepare generation=1 within 2s" },
        { "simulator: hands out no Activated", "a-cancelled-job-releases-its-ranks", "await n1 told release forget=true within 5s" },
        { "simulator: sends before it persists", "a-member-leaves-when-it-may", "expect n3 not told release" },
        { "simulator: loses every order", "a-worker-that-lost-track-gets-the-whole", "await n1 told prepare generation=1 within 2s" },
        { "embedded: stores no observations", "a-plan-waits-for-the-record", "expect steps j 1..3" },
        { "simulator: stores no observations", "a-plan-waits-for-the-record", "expect steps j 1..3" },
        { "embedded: stores no observations", "a-fault-leaves-the-nodes-other-gpu-in-its-job", "expect event 1x rank.excluded" },
        { "embedded: stores no observations", "a-gpu-that-needs-a-reset-leaves-its-job", "await event gpu.error cause=restart-program within 1s" },
        { "embedded: stores no observations", "a-job-never-mixes-device-classes", "await event job.short cause=\"device class\" within 5s" },
        { "embedded: stores no observations", "a-named-device-class-that-nobody-has-is-said", "await event job.short within 5s" },
        { "embedded: stores no observations", "a-job-that-its-devices-cannot-compute-fails", "expect event 1x job.failed" },
        { "simulator: stores no observations", "a-fault-leaves-the-nodes-other-gpu-in-its-job", "expect event 1x rank.excluded" },
        { "simulator: stores no observations", "a-gpu-that-needs-a-reset-leaves-its-job", "await event gpu.error cause=restart-program within 1s" },
        { "simulator: stores no observations", "a-job-never-mixes-device-classes", "await event job.short cause=\"device class\" within 5s" },
        { "simulator: stores no observations", "a-named-device-class-that-nobody-has-is-said", "await event job.short within 5s" },
        { "embedded: loses every order", "a-checkpoint-waits-for-the-record", "await n1 told prepare generation=1 within 2s" },
        { "simulator: loses every order", "a-checkpoint-waits-for-the-record", "await n1 told prepare generation=1 within 2s" },
        { "embedded: loads nothing", "a-checkpoint-counts-when-it-is-complete", "await view Job:j phase=running incarnation=2 within 10s" },
        { "embedded: loses every order", "with-all-holders-gone-the-job-goes-back", "await event checkpoint.saved within 10s" },
        { "simulator: loads nothing", "a-checkpoint-counts-when-it-is-complete", "await view Job:j phase=running incarnation=2 within 10s" },
        { "simulator: loses every order", "with-all-holders-gone-the-job-goes-back", "await event checkpoint.saved within 10s" },
        { "simulator: stores no observations", "a-job-that-its-devices-cannot-compute-fails", "expect event 1x job.failed" },
        { "embedded: loses every order", "a-cap-takes-the-less-important-job-whole", "await view Job:j phase=running recorded>=2 within 10s" },
        { "embedded: stores no observations", "a-job-that-fails-everywhere-is-to-blame-itself", "expect event 1x job.failed" },
        { "embedded: stores no observations", "a-job-is-given-more-steps", "expect event 1x job.extended" },
        { "embedded: loses every order", "a-job-that-needs-more-than-there-is-takes-nothing", "await view Job:k phase=finished within 20s" },
        { "embedded: stores no observations", "a-rank-that-prepares-is-no-failure", "expect event 1x rank.excluded gpu=n2/0 cause=\"no answer\"" },
        { "embedded: stores no observations", "one-freeze-is-one-failure", "expect event 1x rank.excluded" },
        { "simulator: loses every order", "a-cap-takes-the-less-important-job-whole", "await view Job:j phase=running recorded>=2 within 10s" },
        { "simulator: stores no observations", "a-job-that-fails-everywhere-is-to-blame-itself", "expect event 1x job.failed" },
        { "simulator: stores no observations", "a-job-is-given-more-steps", "expect event 1x job.extended" },
        { "simulator: loses every order", "a-job-that-needs-more-than-there-is-takes-nothing", "await view Job:k phase=finished within 20s" },
        { "simulator: stores no observations", "a-rank-that-prepares-is-no-failure", "expect event 1x rank.excluded gpu=n2/0 cause=\"no answer\"" },
        { "simulator: stores no observations", "one-freeze-is-one-failure", "expect event 1x rank.excluded" },
        { "embedded: stores no observations", "a-second-worker-of-a-name-is-refused", "expect event 1x node.refused node=n1" },
        { "embedded: stores no observations", "a-node-that-no-peer-reaches-is-set-aside", "expect event 1x rank.excluded gpu=n3/0 text=\"n3/0 is out: connection closed (n1 says: connecting to n3:7000: Connection refused)\"" },
        { "embedded: stores no observations", "an-earlier-state-is-better-than-none", "expect event 1x state.regained step=4 timeline=1" },
        { "simulator: stores no observations", "a-second-worker-of-a-name-is-refused", "expect event 1x node.refused node=n1" },
        { "simulator: stores no observations", "a-node-that-no-peer-reaches-is-set-aside", "expect event 1x rank.excluded gpu=n3/0 text=\"n3/0 is out: connection closed (n1 says: connecting to n3:7000: Connection refused)\"" },
        { "simulator: stores no observations", "an-earlier-state-is-better-than-none", "expect event 1x state.regained step=4 timeline=1" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public async Task Without_the_fence_the_transcript_fails_at_that_step(string engine, string name, string step)
    {
        var failure = await Assert.ThrowsAsync<TranscriptFailedException>(() => TranscriptPlayer.PlayAsync(Transcript.Load(name), BrokenEngines.Find(engine)));

        Assert.Equal(step, failure.Step);
    }

    [Fact]
    public void Every_transcript_fails_for_some_broken_engine_of_each_kind_and_every_fence_is_missed_by_some_transcript()
    {
        var rows = Table.Select(row => (Engine: (string)row[0], Name: (string)row[1])).ToArray();

        foreach (var kind in new[] { "embedded", "simulator" })
            Assert.Equal(Transcript.Names, rows.Where(row => row.Engine.StartsWith(kind, StringComparison.Ordinal)).Select(row => row.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(BrokenEngines.Names.Order(StringComparer.Ordinal), rows.Select(row => row.Engine).Distinct().Order(StringComparer.Ordinal));
    }
}
