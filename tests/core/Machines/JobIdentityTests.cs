using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

/// <summary>
/// Ranks say what their programs are made up of before they are given a plan; whoever says otherwise than the job's takes no part.
/// </summary>
public sealed class JobIdentityTests
{
    private const string Usual = "torch1 schema=aa state0=bb probe=cc";

    [Fact]
    public void Who_says_otherwise_than_most_is_left_out_and_no_gpu_is_blamed()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((1, 0), (2, 0), (3, 0));
        job.AnswersAs(1, "torch1 schema=aa state0=other probe=cc");
        job.AnswersAs(2, Usual);
        job.AnswersAs(3, Usual);
        job.Advance(new FaultToleranceSpec().AnswerTimeout + TimeSpan.FromSeconds(1));

        Assert.Contains(EventKinds.RankExcluded, job.Events);
        Assert.Contains("it begins with another state than the job's ranks", job.Causes[EventKinds.RankExcluded], StringComparison.Ordinal);
        Assert.Equal(2, job.Generation);
        job.AnswersAs(2, Usual);
        job.AnswersAs(3, Usual);
        Assert.NotNull(job.PlanOf(2));
        Assert.NotNull(job.PlanOf(3));
        Assert.Null(job.PlanOf(1));
        Assert.Empty(job.Suspected);
    }

    [Fact]
    public void Who_begins_with_another_state_is_told_the_first_tensor_that_differs()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((1, 0), (2, 0), (3, 0));
        job.AnswersAs(1, "torch1 schema=aa state0=other probe=zz");
        job.AnswersAs(2, Usual);
        job.AnswersAs(3, Usual);

        // The one that differs and one of the others are asked, and nobody gets a plan meanwhile.
        Assert.Equal([true, true, false], Enumerable.Range(1, 3).Select(node => ((PrepareRank)job.Newest[JobAlone.Gpu(node)]).Detailed));
        job.AnswersInDetail(2, Usual, "01 in.weight", "02 in.bias", "03 out.weight");
        Assert.Null(job.PlanOf(2));
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
        job.AnswersInDetail(1, "torch1 schema=aa state0=other probe=zz", "01 in.weight", "99 in.bias", "98 out.weight");
        job.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Contains(
            "loads other weights here; the first tensor that differs is in.bias (state0=other, where the job has state0=bb)",
            job.Causes[EventKinds.RankExcluded],
            StringComparison.Ordinal);
        Assert.Equal(2, job.Generation);
    }

    [Fact]
    public void Who_does_not_say_what_it_began_with_is_refused_all_the_same()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0), (2, 0));
        job.AnswersAs(1, "torch1 schema=aa state0=other probe=zz");
        job.AnswersAs(2, Usual);
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
        job.Advance(new FaultToleranceSpec().AnswerTimeout + TimeSpan.FromSeconds(1));

        Assert.EndsWith("(state0=bb, where the job has state0=other)", job.Causes[EventKinds.RankExcluded], StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_disagreement_ends_the_promise_for_good_and_everybody_who_looks_is_told()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0), (2, 0));
        job.AnswersAs(1, Usual);
        job.AnswersAs(2, Usual);
        Assert.Null(job.View.NoPromise);
        job.Says(1, new RankFaulted
        {
            Job = JobAlone.Job,
            Generation = job.Generation,
            Gpu = JobAlone.Gpu(1),
            Kind = FaultKind.Program,
            Disagrees = true,
            Detail = "shard 2 of step 1 has another gradient",
        });

        const string Why = "no equal bits are promised any more since step 0: n1/0: shard 2 of step 1 has another gradient";
        Assert.Equal(Why, job.View.NoPromise);
        Assert.Single(job.Events, kind => kind == EventKinds.PromiseEnded);
        job.Advance(TimeSpan.FromSeconds(1));
        job.Reload();
        Assert.Equal(Why, job.View.NoPromise);
    }

    [Fact]
    public void A_job_that_may_compute_other_bits_says_so_from_its_beginning()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1, spec => spec with { Program = new ProgramSpec { AllowNondeterminism = true } });

        Assert.StartsWith("no equal bits are promised: program.allow_nondeterminism is set", job.View.NoPromise, StringComparison.Ordinal);
        Assert.Single(job.Events, kind => kind == EventKinds.PromiseEnded);
    }

    [Fact]
    public void A_newcomer_is_held_to_what_the_first_generation_said_also_where_it_is_alone()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Offer((1, 0));
        job.AnswersAs(1, Usual);
        Assert.NotNull(job.PlanOf(1));
        job.Offer((1, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        job.Says(1, new RankState
        {
            Job = JobAlone.Job,
            Generation = job.Generation,
            Gpu = JobAlone.Gpu(1),
            Boot = JobAlone.Session(1, 1).Boot,
            HasState = false,
            Timeline = 0,
            Applied = 0,
            StateBlocks = 1,
            Identity = "torch2 schema=aa state0=bb probe=cc",
        }, life: 1);
        job.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(job.PlanOf(1));
        Assert.Contains("it computes with other libraries", job.Causes[EventKinds.RankExcluded], StringComparison.Ordinal);
    }

    [Fact]
    public void Jobs_whose_spec_decides_all_of_it_ask_for_nothing()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0), (2, 0));
        job.Answers(1, null);
        job.Answers(2, null);

        Assert.NotNull(job.PlanOf(1));
        Assert.DoesNotContain("identity", job.State, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(
        "torch2 schema=aa",
        "it computes with other libraries, instructions, threads or hardware than the job's ranks (torch2, where the job has torch1)")]
    [InlineData(
        "torch1 schema=zz state0=bb",
        "its state consists of other tensors or numbers than that of the job's ranks (schema=zz, where the job has schema=aa)")]
    [InlineData("torch1 schema=aa state0=zz", "it begins with another state than the job's ranks: the script draws something that is not "
        + "seeded, or loads other weights here (state0=zz, where the job has state0=bb)")]
    [InlineData(
        "torch1 schema=aa state0=bb probe=zz",
        "it computes another gradient from the same state and samples than the job's ranks (probe=zz, where the job has probe=cc)")]
    [InlineData("", "its worker does not say what its program is made up of; start a worker of this version")]
    public void The_first_part_that_differs_is_named(string own, string said) => Assert.Equal(said, ProgramIdentity.Explain(own, Usual));
}
