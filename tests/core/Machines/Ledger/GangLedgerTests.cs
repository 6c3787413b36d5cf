using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Ledger;

namespace Coordinator.Tests.Machines.Ledger;

/// <summary>Where the time of a gang went, whose processes run or do not.</summary>
public sealed class GangLedgerTests
{
    [Fact]
    public void A_gang_runs_is_made_whole_after_a_failure_and_moves_for_operators()
    {
        var ledger = new LedgerStory(4, "processes")
            .Tell(10, EventKinds.GenerationForming, numbers: new() { ["members"] = 4 }).Tell(11, EventKinds.GenerationPlanned)
            .Tell(13, EventKinds.GenerationRunning)
            .Tell(113, EventKinds.GangStopping, "exit", node: 2, text: "generation 1 ends: rank 2 was killed")
            .Tell(114, EventKinds.GangFailure, "exit", node: 2, text: "rank 2 was killed by signal 9; 3 more ranks failed after it")
            .Tell(114, EventKinds.GenerationForming, numbers: new() { ["members"] = 4 }).Tell(115, EventKinds.GenerationPlanned)
            .Tell(117, EventKinds.GenerationRunning)
            .Tell(217, EventKinds.GangStopping, GangFailure.Drained, node: 1, text: "n1: drained by ann")
            .Tell(218, EventKinds.JobWaiting)
            .Tell(248, EventKinds.GenerationForming, numbers: new() { ["members"] = 2 }).Tell(249, EventKinds.GenerationPlanned)
            .Tell(250, EventKinds.GenerationRunning)
            .Tell(350, EventKinds.GangStopping, GangFailure.Done).Tell(351, EventKinds.JobFinished)
            .Ledger(1000);

        Assert.Equal(("finished", 4 * 351.0), (ledger.State, ledger.RankSeconds));
        Assert.Equal(
            [
                (LedgerCause.Running, (4 * 200) + (2 * 100.0)), (LedgerCause.Capacity, (4 * 40) + (2 * 100.0)),
                (LedgerCause.InfrastructureRecovery, 4 * 4.0), (LedgerCause.Maintenance, 4 * 3.0), (LedgerCause.TrainingPrep, 4 * 2.0),
                (LedgerCause.ProgramStartup, 4 * 1.0), (LedgerCause.Finish, 4 * 1.0),
            ],
            ledger.Entries.Select(entry => (entry.Cause, entry.RankSeconds)));
        Assert.Equal(
            [("rank 2 was killed by signal 9; 3 more ranks failed after it", true, 4.0), ("n1: drained by ann", false, 33.0)],
            ledger.Incidents.Select(incident => (incident.FirstCause, incident.IsFailure, incident.Seconds)));
        Assert.Equal([new NodeLosses(new NodeId("n2"), 1, 16)], ledger.Nodes);
    }

    [Fact]
    public void A_gang_that_is_not_whole_again_has_an_incident_that_goes_on()
    {
        var ledger = new LedgerStory(4, "processes").Tell(10, EventKinds.GenerationForming, numbers: new() { ["members"] = 4 })
            .Tell(12, EventKinds.GenerationRunning).Tell(20, EventKinds.GangStopping, "node lost", node: 1, text: "n1 is out of reach")
            .Ledger(50);

        Assert.Equal((true, 30.0), (Assert.Single(ledger.Incidents).GoesOn, ledger.Incidents[0].Seconds));
        Assert.Equal(4 * 30.0, ledger.Entries.Single(entry => entry.Cause == LedgerCause.InfrastructureRecovery).RankSeconds);
    }
}
