using Coordinator.Cli.Commands;
using Coordinator.Disk;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;

UserMask.Begin();
StandardStreams.Protect();
return StandardStreams.End(await CommandLine.RunAsync(args), ExitCodes.RunFailed);
