using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

// One silo on this machine with state in memory: enough to host the grains and to show that they start.
var builder = WebApplication.CreateBuilder(args);
builder.Host.UseOrleans(silo => silo
    .UseLocalhostClustering()
    .AddMemoryGrainStorageAsDefault());

await using var app = builder.Build();
await app.RunAsync();
