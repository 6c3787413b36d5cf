using Coordinator.Server.Hosting;
using Coordinator.Silo.Commands;

StandardStreams.Protect();
return StandardStreams.End(await SiloCommandLine.RunAsync(args), failed: 1);
