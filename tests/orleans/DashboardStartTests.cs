using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Server.Client;
using Coordinator.Silo;
using Coordinator.Silo.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Dashboard;

namespace Coordinator.Tests.Orleans;

/// <summary>The dashboard of a silo that is alone costs nothing until somebody looks, and shows the silo then.</summary>
public sealed class DashboardStartTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-dashboard-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_start_of_the_dashboard_is_none_of_the_silos_own()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(silo =>
        {
            silo.AddDashboard();
            Assert.Contains(silo.Services, IsDashboards);
            DashboardStart.Defer(silo.Services);
            Assert.DoesNotContain(silo.Services, IsDashboards);
            Assert.Contains(silo.Services, service => service.ServiceType == typeof(DashboardStart));
        });

        static bool IsDashboards(ServiceDescriptor service) => service.ServiceType == typeof(IHostedService)
            && service.ImplementationFactory?.Method.Module.Assembly == typeof(DashboardOptions).Assembly;
    }

    [Fact]
    public async Task Whoever_looks_first_starts_it_and_it_starts_once()
    {
        var hosts = new List<Started>();
        await using var start = new DashboardStart(() =>
        {
            hosts.Add(new Started());
            return hosts[^1];
        });
        Assert.Empty(hosts);
        await Task.WhenAll(start.EnsureAsync(), start.EnsureAsync());
        Assert.Equal(1, Assert.Single(hosts).Starts);
    }

    [Fact]
    public async Task Its_pages_show_the_silo()
    {
        await using var silo = await OrleansSilo.StartAsync(
            new SiloSettings { DataDirectory = folder, Url = "http://127.0.0.1:0", Name = "silo" }, NullLoggerFactory.Instance);
        using var http = new HttpClient(SiloHttp.CreateHandler());
        http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"any:{silo.Token}")));

        // The first look starts it, and what it gathers once a second comes with a later one.
        for (var since = Stopwatch.StartNew(); ;)
        {
            using var answer = await http.GetAsync(new Uri($"{silo.Url}/orleans/DashboardCounters"));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            if (JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["hosts"]!.AsArray().Count == 1)
                return;
            Assert.True(since.Elapsed < Limit, "the dashboard shows no silo");
        }
    }

    private sealed class Started : IHostedService
    {
        public int Starts { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken)
        {
            Starts++;
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
