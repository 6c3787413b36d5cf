using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

// One silo on this machine with state in memory. It starts, and serves no job yet: grains need IGrainServices, which comes with
// the gateway and storage of several silos (README, "What there is").
var builder = WebApplication.CreateBuilder(args);
builder.Host.UseOrleans(silo => silo
    .UseLocalhostClustering()
    .AddMemoryGrainStorageAsDefault());

await using var app = builder.Build();
await app.RunAsync();
