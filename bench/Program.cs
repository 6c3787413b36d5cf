using System.CommandLine;
using Coordinator.Bench;
using Coordinator.Bench.Ilgpu;
using Coordinator.Bench.Limit;
using Coordinator.Cli.Commands;
using Coordinator.Runs.Outcomes;

var bench = new RootCommand("Measures parts of the coordinator, and whole clusters of it.")
{
    TrainThroughput.Create(),
    SeamCost.Create(),
    ProgramCost.Create(),
    ProgramsAcceptance.Create(),
    ProgramKills.Create(),
    SiloKills.Create(),
    SiloFreezes.Create(),
    GrainScale.Create(),
    OrleansLimit.Create(),
    MachineScale.Create(),
    Ranks.Create(),
    Quality.Create(),
    Goodput.Create(),
    CheckpointCost.Create(),
    DecoderInputs.Create(),
    Recovery.Create(),
    Gangs.Create(),
    Lifecycle.Create(),
    IlgpuBench.Create(),
    PtxBench.Create(),
};
var parsed = bench.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (parsed.Errors.Count > 0)
{
    return CommandLine.Complain(
        ExitCodes.Usage, string.Join(Environment.NewLine, parsed.Errors.Select(error => error.Message)), "See 'bench --help'.");
}
return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
