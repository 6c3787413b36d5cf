using System.Net;

namespace Coordinator.Server.Client;

/// <summary>
/// Sends each request to one of a cluster's silos: the one that answered last, and the next one where it does not answer. What only
/// reads is asked of every silo before it fails. Anything else is sent again by itself only if it never left: what became of it
/// otherwise is for the caller to find out, whose next request goes to another silo.
/// </summary>
internal sealed class SiloFailover : DelegatingHandler
{
    private readonly IReadOnlyList<Uri> silos;
    private int current;

    /// <param name="silos">The silos; the first is asked first.</param>
    /// <param name="proxy">The proxy that the user asked for; null: none.</param>
    public SiloFailover(IReadOnlyList<Uri> silos, Uri? proxy)
    {
        this.silos = silos;
        var handler = SiloHttp.CreateHandler(proxy);

        // There may be another silo to ask.
        handler.ConnectTimeout = TimeSpan.FromSeconds(5);
        InnerHandler = handler;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.PathAndQuery;
        var onlyReads = request.Method == HttpMethod.Get || request.Method == HttpMethod.Head;
        for (var attempt = 1; ; attempt++)
        {
            var index = Volatile.Read(ref current);
            request.RequestUri = new Uri(silos[index], path);
            try
            {
                var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
                if (answer.StatusCode != HttpStatusCode.ServiceUnavailable)
                    return answer;

                // It says itself that another one may know better.
                Advance(index);
                if (!onlyReads || attempt >= silos.Count)
                    return answer;
                answer.Dispose();
            }
            catch (HttpRequestException away)
            {
                Advance(index);
                if (attempt >= silos.Count || !(onlyReads || away.HttpRequestError == HttpRequestError.ConnectionError))
                    throw;
            }
            catch (OperationCanceledException)
            {
                // A silo that is frozen takes connections and answers nothing until its caller's patience ends.
                Advance(index);
                throw;
            }
        }
    }

    private void Advance(int from) => Interlocked.CompareExchange(ref current, (from + 1) % silos.Count, from);
}
