using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

public sealed class FiniteNumbersTests
{
    private static readonly JobSpec Spec = new();

    [Theory]
    [InlineData(double.NaN, 1.0)]
    [InlineData(double.PositiveInfinity, 1.0)]
    [InlineData(double.NegativeInfinity, 1.0)]
    [InlineData(1.0, double.NaN)]
    [InlineData(1.0, double.PositiveInfinity)]
    public void Steps_are_recorded_up_to_the_first_that_is_no_number(double loss, double norm)
    {
        StepRecord[] steps = [Step(1), Step(2), Step(3) with { Loss = loss, GradientNorm = norm }, Step(4),
            Step(5) with { Loss = double.NaN }];
        var (recorded, last) = FiniteNumbers.Cut(Spec, steps);
        Assert.Equal([1, 2, 3], recorded.Select(step => step.Step));
        Assert.Equal(3, last?.Step);
    }

    [Fact]
    public void Finite_steps_are_all_recorded_and_so_are_others_where_the_job_says_so()
    {
        StepRecord[] steps = [Step(1), Step(2) with { Milliseconds = double.NaN }];
        Assert.Equal((steps, null), FiniteNumbers.Cut(Spec, steps));
        StepRecord[] broken = [Step(1) with { Loss = double.NaN }, Step(2)];
        Assert.Equal((broken, null), FiniteNumbers.Cut(Spec with { Training = Spec.Training with { AllowNonfinite = true } }, broken));
    }

    [Fact]
    public void The_reason_names_the_step_the_checkpoint_that_stays_and_what_to_do()
    {
        Assert.Equal(
            "the loss of step 7 is NaN, so the model learns nothing more; there is no checkpoint of it: lower optimizer.learning_rate (now "
                + "0.001) and train again, or set training.allow_nonfinite to true to go on all the same",
            FiniteNumbers.Why(Step(7) with { Loss = double.NaN }, Spec, null));
        Assert.Equal(
            "the gradient norm of step 7 is Infinity, so the model learns nothing more; its last checkpoint is that of step 5 and is kept: "
                + "lower optimizer.learning_rate (now 0.001) or set optimizer.gradient_clip to 1 and train again, or set "
                + "training.allow_nonfinite to true to go on all the same",
            FiniteNumbers.Why(
                Step(7) with { GradientNorm = double.PositiveInfinity }, Spec with { Optimizer = Spec.Optimizer with { GradientClip = 0 } },
                    new CheckpointRef(new CheckpointId(0, 5, 1), "a", 1, 1)));
    }

    [Fact]
    public void A_state_with_numbers_that_are_none_ends_the_job_unless_it_says_otherwise()
    {
        Assert.True(FiniteNumbers.MayGoOn(Spec, 0));
        Assert.False(FiniteNumbers.MayGoOn(Spec, 1));
        Assert.True(FiniteNumbers.MayGoOn(Spec with { Training = Spec.Training with { AllowNonfinite = true } }, 1));
        Assert.Equal(
            "step 9 has made 17 of the model's parameters infinite or no number, so the model is of no use; there is no checkpoint of it: "
                + "lower optimizer.learning_rate (now 0.001) and train again, or set training.allow_nonfinite to true to go on all the "
                + "same",
            FiniteNumbers.WhyOfState(9, 17, Spec, null));
    }

    private static StepRecord Step(long step) => new(step, 1, 0.5, 1, 50, 16);
}
