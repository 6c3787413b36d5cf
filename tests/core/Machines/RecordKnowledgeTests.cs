using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>What a rank knows of the record, which a job that is loaded anew has to learn from it.</summary>
public sealed class RecordKnowledgeTests
{
    private static readonly JobId Job = new("job-1");
    private static readonly GpuId Gpu = new(new NodeId("node-1"), 0);
    private static readonly Membership Members = Membership.None(Job).Apply(1, [], [new Member(Gpu, "127.0.0.1:7000", 5)]);

    [Fact]
    public void A_rank_answers_that_steps_are_recorded_which_the_question_called_recorded()
    {
        var rank = new RankMachine(new RankOptions
        {
            Job = Job,
            Gpu = Gpu,
            Boot = 5,
            Shards = 4,
            Steps = 20,
            ReducedBlocks = 1,
            StateBlocks = 1,
            WindowBlocks = 1,
        });
        var outputs = new List<RankOutput>();
        rank.Handle(TimeSpan.Zero, new OrderArrived(
            new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = Gpu, RecordedThrough = 11 },
            Members), outputs);
        var answer = Assert.IsType<RankState>(Assert.IsType<TellJob>(Assert.Single(outputs)).Message);
        Assert.Equal(11, answer.RecordedThrough);
    }

    [Fact]
    public void A_rank_answers_what_it_knows_to_be_recorded_to_a_job_that_was_loaded_anew_and_knows_less()
    {
        var rank = new RankAlone();
        rank.TrainTo(3);
        rank.Hand(new RecordsTaken(0, 2));
        rank.Prepare(2, recorded: 1);
        Assert.Equal(2, rank.AnswerTo(2)!.RecordedThrough);
    }
}
