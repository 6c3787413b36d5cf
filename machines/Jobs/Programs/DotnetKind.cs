using System.Numerics;

namespace Coordinator.Machines.Jobs.Programs;

/// <summary>
/// A team's own program in an assembly that the worker loads: its shape is its own affair, and its optimizer is the coordinator's, so that
/// the section <c>optimizer</c> holds for it.
/// </summary>
internal sealed class DotnetKind : ProgramKind
{
    public override string Name => "dotnet";

    public override bool TakesData => true;

    public override bool ReadsTables => true;

    public override bool IsOwn => true;

    public override bool IsLoaded => true;

    public override bool ReadsSettings => true;

    public override BigInteger? CountParameters(ModelSpec model) => null;

    internal override bool Takes(string entry) => entry.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);

    internal override double LeastElements(JobSpec spec) => 0;

    internal override void CheckModel(JobSpecProblems problems, JobSpec spec)
    {
        if (spec.Program is not { } program)
        {
            problems.Add(
                "program.entry", "empty", "the assembly of a program of your own", "name it with 'coordinator train --program my.dll'");
            return;
        }

        if (spec.Model != new ModelSpec { Program = Name })
            problems.Add("model", "set", "left out, since the program makes its own model", "give it settings: --settings.NAME=VALUE");
        if (program.Entry.Length > 0 && !Takes(program.Entry))
        {
            problems.Add(
                "program.entry", $"'{JobSpecProblems.Printable(program.Entry)}'", "an assembly, whose name ends in .dll",
                    "name a file that dotnet build made");
        }
        else
        {
            CheckFiles(problems, program, "Mlp.dll");
        }
        OnlyOfProcesses(problems, program);
        problems.AtLeast("program.check_every", program.CheckEvery, 0);
    }

    internal override JobSpecProblem? MissingFile(JobSpec spec) => MissingProgram(spec);

    /// <summary>Nothing acts on these here, and what does nothing is refused.</summary>
    private static void OnlyOfProcesses(JobSpecProblems problems, ProgramSpec program)
    {
        var usual = new ProgramSpec();
        (string Key, bool IsSet, string Instead)[] keys =
        [
            ("program.python", program.Python != usual.Python, "leave it out"),
            ("program.arguments", program.Arguments.Length > 0, "give it settings: --settings.NAME=VALUE"),
            ("program.threads", program.Threads != usual.Threads, "leave it out: a rank computes on one thread"),
            ("program.warm_up_shards", program.WarmUpShards != usual.WarmUpShards, "leave it out"),
            ("program.start_timeout", program.StartTimeout != usual.StartTimeout, "leave it out"),
            ("program.hang_timeout", program.HangTimeout != usual.HangTimeout, "leave it out"),
        ];
        foreach (var (key, _, instead) in keys.Where(key => key.IsSet))
            problems.Add(key, "set", "left out with a program in .NET, which is no process of its own", instead);
    }
}
