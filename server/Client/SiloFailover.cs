using System.Net;

namespace Coordinator.Server.Client;

/// <summary>
/// Sends each request to one of a cluster's silos: the one that answered last, and the next one where it cannot be reached. Only a
/// request that never left is sent again by itself; what became of any other is for the caller to find out.
/// </summary>
internal sealed class SiloFailover(IReadOnlyList<Uri> silos) : DelegatingHandler(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5) })
{
    private int current;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.PathAndQuery;
        for (var attempt = 1; ; attempt++)
        {
            var index = Volatile.Read(ref current);
            request.RequestUri = new Uri(silos[index], path);
            try
            {
                var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);

                // It says itself that another one may know better.
                if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
                    Advance(index);
                return answer;
            }
            catch (HttpRequestException away)
            {
                Advance(index);
                if (away.HttpRequestError != HttpRequestError.ConnectionError || attempt >= silos.Count)
                    throw;
            }
        }
    }

    private void Advance(int from) => Interlocked.CompareExchange(ref current, (from + 1) % silos.Count, from);
}
