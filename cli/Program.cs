using Coordinator.Cli.Commands;
using Coordinator.Cli.Output;
using Coordinator.Server.Hosting;

StandardStreams.Protect();
return StandardStreams.End(await CommandLine.RunAsync(args), ExitCodes.RunFailed);
