using System.Numerics;
using static Coordinator.Machines.Jobs.JobSpecProblems;

namespace Coordinator.Machines.Jobs.Programs;

/// <summary>A team's own program, in a process beside the worker: its shape and its optimizer are its own affair.</summary>
internal sealed class ProcessKind : ProgramKind
{
    private const int MostThreads = 256;
    private const int MostWarmUps = 100;

    public override string Name => "process";

    public override bool TakesData => true;

    public override bool IsOwn => true;

    public override BigInteger? CountParameters(ModelSpec model) => null;

    internal override bool Takes(string entry) => true;

    internal override double LeastElements(JobSpec spec) => 0;

    internal override void CheckModel(JobSpecProblems problems, JobSpec spec)
    {
        if (spec.Program is not { } program)
        {
            problems.Add(
                "program.entry", "empty", "the file of a program of your own", "name it with 'coordinator train --program train.py'");
            return;
        }

        if (spec.Model != new ModelSpec { Program = Name })
        {
            problems.Add(
                "model", "set", "left out, since the program makes its own model", "give the program arguments instead: program.arguments");
        }
        if (spec.Optimizer != new OptimizerSpec())
        {
            problems.Add(
                "optimizer",
                "set",
                "left out, since the program brings its own optimizer and schedule",
                "set them in the program, or by program.arguments");
        }
        if (spec.Initial is not null)
        {
            problems.Add(
                "checkpoint.initial_load_sha256",
                "set",
                "left out, since the program makes its own state 0",
                "load pretrained weights in the program, before it joins");
        }
        CheckFiles(problems, program, "train.py");
        if (program.Python.Length is 0 or > MostText || !PlainText.IsPlain(program.Python) || program.Python.StartsWith('-'))
        {
            problems.Add(
                "program.python", $"'{Printable(program.Python)}'", "the name or path of an interpreter", "set program.python to python3");
        }
        if (program.Arguments.Length > MostText || !PlainText.IsPlain(program.Arguments))
        {
            problems.Add(
                "program.arguments",
                $"'{Printable(program.Arguments)}'",
                $"at most {Text(MostText)} characters in one line",
                "put longer settings into a file of the folder");
        }
        problems.Between("program.threads", program.Threads, 1, MostThreads);
        problems.Between("program.warm_up_shards", program.WarmUpShards, 0, MostWarmUps);
        problems.AtLeast("program.check_every", program.CheckEvery, 0);
        problems.Timeout("program.start_timeout", program.StartTimeout, mayBeZero: false);
        problems.Timeout("program.hang_timeout", program.HangTimeout, mayBeZero: false);
    }

    internal override JobSpecProblem? MissingFile(JobSpec spec) => MissingProgram(spec);
}
