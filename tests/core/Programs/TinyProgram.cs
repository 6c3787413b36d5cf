using Coordinator.Programs;

namespace Coordinator.Tests.Programs;

/// <summary>A team's own program, for the loader to find in this assembly: it guesses a number, and misbehaves where it is told
/// to.</summary>
public sealed class TinyProgram : TrainingProgram
{
    private static int made;
    private static int passes;

    private readonly string misdeed;

    public TinyProgram(ProgramJob job)
    {
        misdeed = job.Settings.Text("misdeed", "none", "none", "throws", "wavers", "wavers-later", "counts");
        Normal("guess", 1, 3, job.Settings.Int("width", 2, least: 1));
        made++;
    }

    public override PassResult Compute(Pass pass)
    {
        if (misdeed == "throws" && pass.FirstPosition > 8)
            throw new InvalidOperationException("the labels are\nof another task");
        var gradient = pass.Gradient;
        if (!pass.Accumulate)
            gradient.Clear();
        passes++;
        for (var sample = 0; sample < pass.Count; sample++)
        {
            for (var i = 0; i < gradient.Length; i++)
                gradient[i] += pass.Parameters[i] - pass.FirstPosition - sample;
        }

        gradient[3] += misdeed switch
        {
            "wavers" => passes,
            "wavers-later" => passes > 8 ? passes : 0,
            "counts" => made,
            _ => 0,
        };
        return new PassResult(pass.Count, pass.Count);
    }
}
