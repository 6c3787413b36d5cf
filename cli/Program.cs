using Coordinator.Cli.Commands;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.View;
using Coordinator.Server.Hosting;

UserMask.Begin();
StandardStreams.Protect();
StyledConsole.Install();
return StandardStreams.End(await CommandLine.RunAsync(args), ExitCodes.RunFailed);
