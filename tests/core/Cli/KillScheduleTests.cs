using Coordinator.Runs.Demo;

namespace Coordinator.Tests.Cli;

public class KillScheduleTests
{
    [Fact]
    public void Every_seed_kills_at_least_five_workers_one_in_a_collective_one_in_a_recovery_and_the_silo_once()
    {
        for (ulong seed = 0; seed < 500; seed++)
        {
            var kills = KillSchedule.Draw(seed, 400, 4).Kills;

            Assert.True(kills.Sum(kill => kill.Workers.Count) >= 5, $"seed {seed}");
            Assert.Single(kills, kill => kill.Kind == KillKind.Collective);
            Assert.Single(kills, kill => kill.Kind == KillKind.Recovery);
            Assert.Single(kills, kill => kill.Kind == KillKind.Silo);
            Assert.All(kills, kill => Assert.InRange(kill.Step, 2, 399));
            Assert.All(kills, kill => Assert.Equal(kill.Workers.Count, kill.Workers.Distinct().Count()));

            // The two blows that fall together, a worker and the one that dies in its recovery, hit different workers.
            Assert.All(kills.GroupBy(kill => kill.Step), together =>
                Assert.Equal(together.Sum(kill => kill.Workers.Count), together.SelectMany(kill => kill.Workers).Distinct().Count()));
            Assert.True(kills.GroupBy(kill => kill.Step).Max(together => together.Sum(kill => kill.Workers.Count)) <= 3, $"seed {seed}");
        }
    }

    [Fact]
    public void The_same_seed_draws_the_same_schedule_and_another_another()
    {
        static string Text(ulong seed) => string.Join(
            ';', KillSchedule.Draw(seed, 400, 4).Kills.Select(kill => $"{kill.Kind}@{kill.Step}:{string.Join(',', kill.Workers)}"));

        Assert.Equal(Text(7), Text(7));
        Assert.NotEqual(Text(7), Text(8));
    }

    [Fact]
    public void Of_three_silos_one_dies_alone_and_the_two_others_at_once_and_the_workers_deaths_are_the_same()
    {
        HashSet<string> drawn = [];
        for (ulong seed = 0; seed < 100; seed++)
        {
            var kills = KillSchedule.Draw(seed, 400, 4, silos: 3).Kills;
            var silos = kills.Where(kill => kill.Kind == KillKind.Silo).Select(kill => kill.Silos).ToArray();

            Assert.Equal([1, 2], silos.Select(blow => blow.Count));
            Assert.Equal([0, 1, 2], silos.SelectMany(blow => blow).Order());
            Assert.Equal(
                KillSchedule.Draw(seed, 400, 4).Kills.Select(kill => $"{kill.Kind}@{kill.Step}:{string.Join(',', kill.Workers)}"),
                kills.Take(6).Select(kill => $"{kill.Kind}@{kill.Step}:{string.Join(',', kill.Workers)}"));
            drawn.Add(string.Join(',', silos.SelectMany(blow => blow)));
        }

        Assert.Equal(6, drawn.Count);
        Assert.Equal([0], KillSchedule.Draw(1, 400, 4).Kills.SelectMany(kill => kill.Silos));
    }

    [Fact]
    public void With_three_workers_one_is_always_left_alive()
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            Assert.All(
                KillSchedule.Draw(seed, 20, 3).Kills.GroupBy(kill => kill.Step),
                together => Assert.InRange(together.SelectMany(kill => kill.Workers).Distinct().Count(), 0, 2));
        }
    }
}
