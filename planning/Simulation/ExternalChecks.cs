using Coordinator.Simulator.World;
using static System.FormattableString;

namespace Coordinator.Planning.Simulation;

/// <summary>How far a published figure speaks for the simulator.</summary>
public enum CheckKind
{
    /// <summary>Rates were taken from the same record: what is tested is the drawing and the counting.</summary>
    Calibrated,

    /// <summary>Nothing was taken from the figure that is compared.</summary>
    Predicted,
}

/// <summary>A published figure beside what comes out here.</summary>
/// <param name="Table">Number of the table.</param>
/// <param name="What">What is compared.</param>
/// <param name="Inputs">What went in.</param>
/// <param name="Expected">As published.</param>
/// <param name="Obtained">What came out.</param>
/// <param name="Kind">Calibrated or predicted.</param>
/// <param name="Closes">Whether it is within the stated tolerance; null: there is no figure to meet, only one to stand beside.</param>
/// <param name="Remark">The tolerance, or why it does not close.</param>
public sealed record ExternalCheck(
    int Table, string What, string Inputs, string Expected, string Obtained, CheckKind Kind, bool? Closes, string Remark);

/// <summary>Published records against the simulator. Those that do not close stay in the list, and say so.</summary>
public static class ExternalChecks
{
    private const double Minutes = 60, Hours = 3600;

    /// <summary>All of them, from one seed.</summary>
    public static IReadOnlyList<ExternalCheck> All(ulong seed) =>
        [.. Llama3(seed), .. ResearchClusters(seed), .. Ettr(), .. TorchFt(seed), .. FtHsdp(seed), .. Spare(seed), ByteRobust(seed)];

    private static IEnumerable<ExternalCheck> Llama3(ulong seed)
    {
        const string Inputs = "2,048 nodes of 8, 54 d, counts as rates";
        var failures = FailureTrace.Draw(FailureRates.Llama3, 2048, 54, seed);
        var spread = 3 * Math.Sqrt(419);
        yield return new(
            1,
            "Llama 3: unexpected interruptions",
            Inputs,
            "419",
            Invariant($"{failures.Count}"),
            CheckKind.Calibrated,
            Math.Abs(failures.Count - 419) <= spread,
            Invariant($"within three Poisson deviations, {spread:0}"));

        // The gap of the published record, not of this draw: a mean over many.
        var many = Enumerable.Range(0, 100).Sum(i => FailureTrace.Draw(FailureRates.Llama3, 2048, 54, seed + (ulong)i).Count);
        var gap = 54 * 24 * 100.0 / many;
        yield return new(
            1,
            "Llama 3: mean gap",
            Inputs + ", 100 seeds",
            "3.09 h",
            Invariant($"{gap:0.00} h"),
            CheckKind.Calibrated,
            Math.Abs(gap - 3.09) < 0.05,
            "within 0.05 h");
        var chi = FailureRates.Llama3Counts.Sum(row =>
        {
            var expected = row.Count * (double)failures.Count / 419;
            var seen = failures.Count(failure => failure.Cause.Name == row.Name);
            return (seen - expected) * (seen - expected) / expected;
        });
        var p = Distributions.ChiSquareTail(chi, FailureRates.Llama3Counts.Count - 1);
        yield return new(
            1,
            "Llama 3: histogram of causes",
            Inputs,
            "chi-square, p > 0.01",
            Invariant($"{chi:0.0} with 17 degrees, p = {p:0.00}"),
            CheckKind.Calibrated,
            p > 0.01,
            "p above 0.01");
        var report = FleetSimulation.Run(FleetPresets.Find("llama3-16k")!, 54, seed, "restart");
        yield return new(
            1,
            "Llama 3: effective training time, everybody restarts",
            Inputs + ", restart 200 s [S], checkpoints by Young and Daly",
            "> 0.90",
            Invariant($"{report.Goodput:0.000}"),
            CheckKind.Predicted,
            report.Goodput > 0.90,
            "above 0.90");
    }

    private static IEnumerable<ExternalCheck> ResearchClusters(ulong seed)
    {
        FailureCause[] causes = [new("RSC-1", 6.5, Remedy.Restart)];
        foreach (var (gpus, published, says, closes) in new[]
        {
            (16_384, 1.8, "projected", true), (131_072, 0.23, "projected", true), (1024, 7.9, "measured", false),
        })
        {
            var days = 40_000.0 / (gpus / 8);
            var hours = days * 24 / Enumerable.Range(0, 50).Average(i => FailureTrace.Draw(causes, gpus / 8, days, seed + (ulong)i).Count);
            var near = Math.Abs(hours - published) < 0.03 * published;
            yield return new(2, Invariant($"RSC-1: MTTF at {gpus:N0} GPUs ({says})"), "6.50 per 1,000 node-days, nodes of 8, Poisson, 50 "
                + "seeds", Invariant($"{published} h"), Invariant($"{hours:0.000} h"), CheckKind.Predicted, near,
                closes ? "within 3%" : "must not close: the rate is of node-days, and jobs of that size met other failures than nodes'");
        }
    }

    /// <summary>(1 - N r (u0 + dt / 2)) / (1 + w / dt), with N r failures a second.</summary>
    private static IEnumerable<ExternalCheck> Ettr()
    {
        const double Rate = 12_500 * 2.34e-3 / 86_400, Restart = 2 * Minutes, Interval = 2 * Minutes;
        foreach (var (write, published) in new[] { (0.0, 0.939), (5.0, 0.90) })
        {
            var ettr = (1 - (Rate * (Restart + (Interval / 2)))) / (1 + (write / Interval));
            yield return new(
                3,
                Invariant($"RSC-2's rate at 100,000 GPUs: ETTR, w = {write} s"),
                "u0 = dt = 2 min",
                Invariant($"{published}"),
                Invariant($"{ettr:0.000}"),
                CheckKind.Predicted,
                Math.Abs(ettr - published) < 0.005,
                "the paper's formula, within 0.005");
        }
    }

    private static IEnumerable<ExternalCheck> TorchFt(ulong seed)
    {
        const string Inputs1 = "30 groups, 10.9 s a step, a kill every 60 s, 5 s timeout; nothing fitted";
        var run1 = DropSteps(10.9, 200_000, seed, _ => 60);
        yield return new(
            4,
            "torchft run 1: steps committed",
            Inputs1,
            "82.3%",
            Invariant($"{run1.Committed * 100:0.0}%"),
            CheckKind.Predicted,
            Math.Abs(run1.Committed - 0.823) < 0.01,
            "within one percent");
        yield return new(
            4,
            "torchft run 1: efficiency",
            Inputs1,
            "81.2%",
            Invariant($"{run1.Efficiency * 100:0.0}%"),
            CheckKind.Predicted,
            Math.Abs(run1.Efficiency - 0.812) < 0.02,
            "within two percent; groups that are away for a while are not counted here");
        const string Inputs2 = "15.46 s a step and 18.9 of 30 groups as published, a kill uniform in 0-30 s, 5 s timeout";
        var run2 = DropSteps(15.46, 200_000, seed, draws => 30 * draws.Unit());
        yield return new(
            4,
            "torchft run 2: steps committed",
            Inputs2,
            "30.2%",
            Invariant($"{run2.Committed * 100:0.0}%"),
            CheckKind.Predicted,
            Math.Abs(run2.Committed - 0.302) < 0.03,
            "within three percent, else: a group that comes back may fail a step as well, of which nothing is published");
        var efficiency = run2.Committed * 18.9 / 30 * 10.9 / 15.46;
        yield return new(
            4,
            "torchft run 2: efficiency",
            Inputs2,
            "13.4%",
            Invariant($"{efficiency * 100:0.0}%"),
            CheckKind.Predicted,
            Math.Abs(efficiency - 0.134) < 0.02,
            "within two percent; follows from the line above");
        foreach (var (name, mean, uniform, published) in new[]
        {
            ("run 1", 60.0, false, "81.2% under torchft"), ("run 2", 15.0, true, "13.4% under torchft"),
        })
        {
            var ours = UnderOurs(mean, uniform, seed);
            yield return new(
                4,
                $"torchft {name}'s kills under this coordinator",
                "30 ranks of one node, 10.9 s a step, process back after 60 s, shipping machines",
                published,
                Invariant($"{ours.Goodput * 100:0.0}%"),
                CheckKind.Predicted,
                null,
                "under another policy: beside theirs");
        }
    }

    /// <summary>
    /// Whole steps of which a kill ruins the one under way, whose survivors then wait out the timeout; a kill in the wait begins it anew.
    /// </summary>
    private static (double Committed, double Efficiency) DropSteps(double stepSeconds, int kills, ulong seed, Func<Prng, double> gap)
    {
        var draws = Prng.Derive(seed, "torchft");
        double now = 0, next = gap(draws);
        long committed = 0, ruined = 0;
        for (var killed = 0; killed < kills;)
        {
            if (now + stepSeconds <= next)
            {
                now += stepSeconds;
                committed++;
                continue;
            }

            ruined++;
            do
            {
                now = Math.Max(now, next) + DropStepPolicy.TimeoutSeconds;
                next += gap(draws);
                killed++;
            }
            while (next < now);
        }

        return ((double)committed / (committed + ruined), committed * stepSeconds / now);
    }

    private static FleetReport UnderOurs(double mean, bool uniform, ulong seed)
    {
        FleetSpec fleet = new()
        {
            Name = "torchft",
            Nodes = 30,
            NodesPerRank = 1,
            Spares = 0,
            StepSeconds = 10.9,
            StateBytes = 16e9,
            Causes = [],
        };
        var cause = new FailureCause("kill", 1, Remedy.Restart);
        var draws = Prng.Derive(seed, "torchft kills");
        List<Failure> kills = [];
        for (var at = 300.0; at < 86_400; at += uniform ? 2 * mean * draws.Unit() : mean)
            kills.Add(new Failure(at, cause, draws.Below(30), 0));
        var run = new FleetRun(fleet, kills);
        var policy = new CoordinatorPolicy(fleet, run.Start, new MachineJob(fleet, run.Start.Powered));
        run.Run(policy, 1, null);
        return policy.Report(run, 1);
    }

    private static IEnumerable<ExternalCheck> FtHsdp(ulong seed)
    {
        foreach (var (stall, published) in new[] { (10.0, 0.444), (3.0, 0.833) })
        {
            // A failure every 18 min on average; one within a stall begins it anew, and how often that is depends on how they are spaced.
            var draws = Prng.Derive(seed, "ft-hsdp");
            double even = 1 - (stall / 18), now = 0, trained = 0;
            for (var i = 0; i < 200_000; i++)
            {
                var gap = draws.Exponential(18 * Minutes);
                trained += Math.Max(0, gap - (stall * Minutes));
                now += gap;
            }

            yield return new(
                5,
                Invariant($"FT-HSDP: availability with a stall of {stall} min"),
                "12 groups of 8,192, MTBF 18 min, failures evenly spaced",
                Invariant($"{published * 100:0.0}%"),
                Invariant($"{even * 100:0.0}%"),
                CheckKind.Predicted,
                Math.Abs(even - published) < 0.005,
                "within half a percent");
            yield return new(
                5,
                "the same, failures as a Poisson process",
                "12 groups of 8,192, MTBF 18 min, 200,000 failures",
                Invariant($"{published * 100:0.0}%"),
                Invariant($"{trained / now * 100:0.0}%"),
                CheckKind.Predicted,
                Math.Abs((trained / now) - published) < 0.02,
                "does not close where stalls overlap: failures in a stall are not failures of training");
        }
    }

    private static IEnumerable<ExternalCheck> Spare(ulong seed)
    {
        const int Runs = 20_000;
        const double Shape = 0.78;
        var scale = Distributions.WeibullScale(Shape, 5 * Minutes);
        foreach (var (groups, published) in new[] { (200, 0.6174), (600, 0.7989), (1000, 0.8441) })
        {
            // Two copies of each of N parts, a failure strikes any living copy; the job restarts when both copies of a part are gone.
            var draws = Prng.Derive(seed, $"spare:{groups}");
            double up = 0;
            for (var run = 0; run < Runs; run++)
            {
                // With so many copies dead, each of another part, as many living ones are the last of theirs.
                var dead = 0;
                do
                {
                    up += draws.Weibull(Shape, scale);
                }
                while (draws.Below((2 * groups) - dead) >= dead++);
            }

            // Checkpoints of 60 s at Young and Daly's interval, and half an interval lost with each restart.
            double mtti = up / Runs, interval = Math.Sqrt(
                2 * Minutes * mtti), availability = (mtti - (interval / 2)) / (mtti + Hours) / (1 + (Minutes / interval));
            yield return new(6, Invariant(
                $"SPARe: availability of replication, N = {groups}"), "600k GPUs, Weibull k = 0.78 of mean 5 min, restart 60 min, "
                    + "checkpoint 60 s, two copies of N parts", Invariant(
                    $"{published * 100:0.00}%"), Invariant(
                        $"{availability * 100:0.00}%"), CheckKind.Predicted, Math.Abs(availability - published) < 0.02,
                "within two percent; the paper's replication scheme was not to be had, and this is the plainest one");
        }
    }

    private static ExternalCheck ByteRobust(ulong seed)
    {
        var spares = Distributions.BinomialQuantile(1024, 0.001, 0.99);
        var draws = Prng.Derive(seed, "byterobust");
        var enough = Enumerable.Range(0, 20_000).Count(_ => Enumerable.Range(0, 1024).Count(_ => draws.Chance(0.001)) <= spares) / 20_000.0;
        return new(
            7,
            "ByteRobust: spares of 1,024 machines",
            "P99 of the binomial, p = 0.001",
            "4",
            Invariant($"{spares} (enough in {enough * 100:0.0}% of 20,000 draws)"),
            CheckKind.Predicted,
            spares == 4 && enough >= 0.99,
            "exactly");
    }

}
