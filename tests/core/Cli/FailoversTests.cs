using Coordinator.Machines;
using Coordinator.Runs.Measures;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Cli;

public class FailoversTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Times_of_application_are_rebuilt_from_step_times_and_the_promptest_record_around()
    {
        // A step every 100 ms, reported in pairs: the second of each pair is recorded 1 ms after it was applied.
        var steps = Enumerable.Range(1, 20).Select(step => Step(step, 100, recordedMs: (100 * (step + (step % 2))) + 1)).ToArray();

        var applied = Failovers.AppliedAt(steps);

        Assert.Equal(Enumerable.Range(1, 20).Select(step => At((100 * step) + 1)), applied);
    }

    [Fact]
    public void A_silo_that_is_away_holds_records_back_and_not_the_steps()
    {
        // Steps of 100 ms for 20 s; what is applied from 5 s to 8 s is recorded at 8 s.
        var steps = Enumerable.Range(1, 200).Select(step => Step(step, 100, recordedMs: step is > 50 and < 80 ? 8000 : 100 * step))
            .ToArray();

        var applied = Failovers.AppliedAt(steps);

        Assert.Equal(Enumerable.Range(1, 200).Select(step => At(100 * step)), applied);
        Assert.Equal(TimeSpan.FromMilliseconds(2950), Failovers.ToRecord(At(5050), steps, applied));
        Assert.Equal(TimeSpan.FromMilliseconds(50), Failovers.ToRecord(At(4850), steps, applied));
        Assert.Null(Failovers.ToRecord(At(20_000), steps, applied));
    }

    [Fact]
    public void Clocks_that_drift_apart_are_followed()
    {
        // The silo's clock gains a millisecond a second on the worker's, for an hour.
        var steps = Enumerable.Range(1, 3600).Select(step => Step(step, 1000, recordedMs: 1001.0 * step)).ToArray();

        var applied = Failovers.AppliedAt(steps);

        Assert.All(Enumerable.Range(0, steps.Length), i => Assert.InRange((steps[i].RecordedAt - applied[i]).TotalMilliseconds, 0, 10.001));
    }

    [Fact]
    public void The_jobs_home_is_who_took_it_in_and_then_who_loaded_it()
    {
        StoredEvent[] events =
        [
            Event(1000, "silo-2", EventKinds.JobSubmitted), Event(5000, "silo-1", EventKinds.JobActivated),
            Event(6000, "silo-0", EventKinds.NodeUp),
        ];

        Assert.Null(Failovers.HomeAt(At(500), events));
        Assert.Equal("silo-2", Failovers.HomeAt(At(4000), events));
        Assert.Equal("silo-1", Failovers.HomeAt(At(7000), events));
        Assert.Equal(TimeSpan.FromSeconds(2), Failovers.ToLoad(At(3000), At(9000), events));
        Assert.Null(Failovers.ToLoad(At(3000), At(4000), events));
        Assert.Null(Failovers.ToLoad(At(6000), At(9000), events));
    }

    [Fact]
    public void Only_workers_of_the_dead_silos_have_to_come_back_and_the_last_of_them_counts()
    {
        WorkerWelcome[] welcomes =
        [
            new(At(100), 0, 0), new(At(100), 1, 1), new(At(100), 2, 2),
            new(At(2000), 1, 2), new(At(2500), 0, 2),
        ];

        Assert.Equal(TimeSpan.FromMilliseconds(1500), Failovers.ToWelcome(At(1000), [0, 1], welcomes));
        Assert.Equal(TimeSpan.FromMilliseconds(1000), Failovers.ToWelcome(At(1000), [1], welcomes));
        Assert.Null(Failovers.ToWelcome(At(3000), [0, 1], welcomes));
        Assert.Throws<InvalidOperationException>(() => Failovers.ToWelcome(At(1000), [2], welcomes));
    }

    private static DateTimeOffset At(double milliseconds) => Start.AddMilliseconds(milliseconds);

    private static StoredStep Step(int step, double milliseconds, double recordedMs) =>
        new(step, 0, At(recordedMs), new StepRecord(step, 1, 1, 1, milliseconds, 1));

    private static StoredEvent Event(double milliseconds, string silo, string kind) =>
        new(1, At(milliseconds), silo, new CoordinatorEvent { Kind = kind });
}
