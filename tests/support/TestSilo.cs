using Coordinator.Silo;
using Coordinator.Silo.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Tests.Support;

/// <summary>A whole silo in the test's process, alone on SQLite, on a free port.</summary>
public static class TestSilo
{
    public static Task<OrleansSilo> StartAsync(string dataDirectory, string name = "silo") => OrleansSilo.StartAsync(
        new SiloSettings { DataDirectory = dataDirectory, Url = "http://127.0.0.1:0", Name = name },
        NullLoggerFactory.Instance);
}
