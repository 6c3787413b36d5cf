using Coordinator.Cli.Commands;
using Coordinator.Cli.Output;
using Coordinator.Disk;
using Coordinator.Server.Hosting;

UserMask.Begin();
StandardStreams.Protect();
return StandardStreams.End(await CommandLine.RunAsync(args), ExitCodes.RunFailed);
