using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// Signs of life out, silence in. A thread of its own, so that neither a computing device nor a busy thread pool delays it.
/// <para>
/// If the thread finds that it was not run for half a peer timeout, this process was stopped, and what it missed meanwhile is no
/// evidence against anybody: every measure of silence starts anew.
/// </para>
/// </summary>
internal sealed class LinkWatch : IDisposable
{
    private readonly Func<IReadOnlyList<GenerationLinks>> groups;
    private readonly TimeSpan keepAlive;
    private readonly TimeSpan tick;
    private readonly ManualResetEvent stop = new(false);
    private readonly Thread thread;

    public LinkWatch(Func<IReadOnlyList<GenerationLinks>> groups, TimeSpan keepAlive)
    {
        this.groups = groups;
        this.keepAlive = keepAlive;
        tick = keepAlive / 2.5;
        thread = new Thread(Run) { IsBackground = true, Name = "data plane watch", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    public void Dispose()
    {
        stop.Set();
        thread.Join();
        stop.Dispose();
    }

    private void Run()
    {
        var last = Monotonic.Now;
        while (!stop.WaitOne(tick))
        {
            var now = Monotonic.Now;
            foreach (var group in groups())
                Look(group, now, now - last);
            last = now;
        }
    }

    private static string WhyNoConnection(GenerationLinks group, PeerLink link, TimeSpan silence) =>
        $"no connection with {link.Peer} at {group.Addresses[link.Peer]} in {silence.TotalSeconds:0.0} "
            + $"s{(link.Trouble.Length > 0 ? $": {link.Trouble}" : "")}";

    private void Look(GenerationLinks group, TimeSpan now, TimeSpan gap)
    {
        var timeout = group.Spec.PeerTimeout;
        foreach (var link in group.Links)
        {
            if (link.Closed)
                continue;
            if (gap > timeout / 2)
                link.Heard();
            if (link.Open && now - link.SentAt >= keepAlive)
                group.SendKeepAlive(link);

            // A peer learns of the generation from the silo, perhaps later than this worker: a connection may take twice as long to come.
            var allowed = link.Open ? timeout : 2 * timeout;
            var silence = now - link.HeardAt;
            if (silence > allowed && (link.Reading || !link.Open))
            {
                group.Lose(
                    link,
                    Evidence.Silent,
                    link.Open ? $"nothing heard from {link.Peer} for {silence.TotalSeconds:0.0} s" : WhyNoConnection(group, link, silence),
                    unreached: !link.Open && group.Dials(link));
            }
        }
    }
}
