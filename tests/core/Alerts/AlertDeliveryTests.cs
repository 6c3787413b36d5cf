using Coordinator.Conformance;
using Coordinator.Runs.Alerts;

namespace Coordinator.Tests.Alerts;

/// <summary>Alerts to a sink that is away for a while.</summary>
public sealed class AlertDeliveryTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static Alert Of(int number) => new(AlertRule.JobFailed, $"job-{number}", "it failed", DateTimeOffset.UnixEpoch);

    [Fact]
    public async Task What_could_not_be_told_is_told_later_in_order_and_said_once()
    {
        var (time, sink) = (new ManualTimeProvider(), new Sink { Refuses = 3 });
        List<string> complaints = [];
        await using var delivery = new AlertDelivery(sink, complaints.Add, time);
        delivery.Add(Of(1));
        delivery.Add(Of(2));
        for (var tries = 1; tries <= 4; tries++)
        {
            Assert.True(await sink.Tried.WaitAsync(Limit));
            time.Advance(TimeSpan.FromMinutes(1));
        }

        await delivery.FlushAsync(Limit).WaitAsync(Limit);
        Assert.Equal(["job-1", "job-2"], sink.Told);
        Assert.Equal(["away; it is tried again until it is told"], complaints);
    }

    private sealed class Sink : IAlertSink
    {
        public int Refuses { get; set; }

        public SemaphoreSlim Tried { get; } = new(0);

        public List<string> Told { get; } = [];

        public Task<string?> TellAsync(Alert alert, CancellationToken cancel)
        {
            var away = Refuses-- > 0;
            if (!away)
                Told.Add(alert.Subject);
            Tried.Release();
            return Task.FromResult(away ? "away" : null);
        }
    }
}
