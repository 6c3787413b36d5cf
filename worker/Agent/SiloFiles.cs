using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Coordinator.Disk;
using Coordinator.Machines;

namespace Coordinator.Worker.Agent;

/// <summary>
/// The silos' big files over HTTP: frozen data down, final models up. The silos are tried in turn; the first that answers well counts.
/// </summary>
public sealed class SiloFiles
{
    /// <summary>A silo that takes or gives no byte for so long is away: frozen, or its host is gone. The next one is tried.</summary>
    private static readonly TimeSpan DefaultIdleTime = TimeSpan.FromMinutes(2);

    private const string HashHeader = "X-Content-SHA256";
    private const int PieceBytes = 1 << 17;

    private readonly HttpMessageInvoker http;
    private readonly AuthenticationHeaderValue? token;
    private readonly Uri[] silos;

    /// <summary>Files of the silos that the worker connects to.</summary>
    /// <param name="silos">As in <see cref="WorkerOptions.Silos"/>.</param>
    /// <param name="token">Bearer token.</param>
    /// <param name="http">As in <see cref="WorkerServices.Http"/>.</param>
    public SiloFiles(IReadOnlyList<Uri> silos, string token, HttpMessageInvoker http)
    {
        this.http = http;
        this.silos = [.. silos.Select(RootOf)];
        this.token = token.Length > 0 ? new AuthenticationHeaderValue("Bearer", token) : null;
    }

    /// <summary>How long a silo may neither take nor give a byte. Default 2 min.</summary>
    public TimeSpan IdleTime { get; init; } = DefaultIdleTime;

    /// <summary>Writes a frozen data set to <paramref name="to"/>. Its hash is for the caller to check.</summary>
    /// <exception cref="HttpRequestException">No silo has it (every one of them said so: the status is 404), or none can be
    /// reached.</exception>
    public Task FetchDataAsync(string sha256, Stream to, CancellationToken cancel = default) => FirstAsync(
        async (silo, idle) =>
        {
            using var request = Request(HttpMethod.Get, new Uri(silo, $"api/v1/data/{sha256}"));
            using var answer = await http.SendAsync(request, idle.Token).ConfigureAwait(false);
            await ThrowUnlessGoodAsync(answer, $"data {sha256}", idle.Token).ConfigureAwait(false);
            to.Position = 0;
            to.SetLength(0);
            var from = await answer.Content.ReadAsStreamAsync(idle.Token).ConfigureAwait(false);
            var piece = new byte[PieceBytes];
            for (int count; (count = await from.ReadAsync(piece, idle.Token).ConfigureAwait(false)) > 0; idle.CancelAfter(IdleTime))
                await to.WriteAsync(piece.AsMemory(0, count), idle.Token).ConfigureAwait(false);
        },
        cancel);

    /// <summary>Brings a frozen data set up again where the silo that answers has no sound copy of it.</summary>
    /// <returns>Whether it was brought.</returns>
    /// <exception cref="HttpRequestException">No silo took it, or none can be reached.</exception>
    /// <exception cref="IOException">The copy here cannot be read.</exception>
    public async Task<bool> RestoreDataAsync(string sha256, string path, CancellationToken cancel)
    {
        var brought = false;
        await FirstAsync(
            async (silo, idle) =>
            {
                var address = new Uri(silo, $"api/v1/data/{sha256}");
                using var question = Request(HttpMethod.Head, address);
                using var answer = await http.SendAsync(question, idle.Token).ConfigureAwait(false);
                if (answer.StatusCode != HttpStatusCode.NotFound)
                {
                    await ThrowUnlessGoodAsync(answer, $"data {sha256}", idle.Token).ConfigureAwait(false);
                    return;
                }

                using var content = await ContentAsync(path, idle).ConfigureAwait(false);
                using var request = Request(HttpMethod.Put, address);
                request.Content = content;
                request.Headers.Add(HashHeader, sha256);
                using var taken = await http.SendAsync(request, idle.Token).ConfigureAwait(false);
                await ThrowUnlessGoodAsync(taken, $"data {sha256}", idle.Token).ConfigureAwait(false);
                brought = true;
            },
            cancel).ConfigureAwait(false);
        return brought;
    }

    /// <summary>Brings the model file of a step up. The same file may come again.</summary>
    /// <exception cref="HttpRequestException">No silo took it, or none can be reached.</exception>
    public Task PutModelAsync(JobId job, long step, string path, string sha256, CancellationToken cancel) => FirstAsync(
        async (silo, idle) =>
        {
            using var content = await ContentAsync(path, idle).ConfigureAwait(false);
            using var request = Request(
                HttpMethod.Put,
                new Uri(silo, $"api/v1/jobs/{Uri.EscapeDataString(job.Value)}/model?step={step.ToString(CultureInfo.InvariantCulture)}"));
            request.Content = content;
            request.Headers.Add(HashHeader, sha256);
            using var answer = await http.SendAsync(request, idle.Token).ConfigureAwait(false);
            await ThrowUnlessGoodAsync(answer, $"the model of {job}", idle.Token).ConfigureAwait(false);
        },
        cancel);

    private HttpRequestMessage Request(HttpMethod method, Uri uri)
    {
        var request = new HttpRequestMessage(method, uri);
        request.Headers.Authorization = token;
        return request;
    }

    private static Uri RootOf(Uri silo)
    {
        var gateway = SiloLink.GatewayOf(silo);
        return new UriBuilder(gateway) { Scheme = gateway.Scheme == "wss" ? "https" : "http", Path = "/", Query = "" }.Uri;
    }

    private static async Task ThrowUnlessGoodAsync(HttpResponseMessage answer, string what, CancellationToken cancel)
    {
        if (answer.IsSuccessStatusCode)
            return;
        var text = await answer.Content.ReadAsStringAsync(cancel).ConfigureAwait(false);
        throw new HttpRequestException($"{what}: {(int)answer.StatusCode} {answer.ReasonPhrase} {text}".TrimEnd(), null, answer.StatusCode);
    }

    /// <summary>A file to be sent: every piece that is read of it shows that the silo takes it.</summary>
    private async Task<StreamContent> ContentAsync(string path, CancellationTokenSource idle) =>
        new(
            await StorageStream.OpenAsync(path, () => idle.CancelAfter(IdleTime), cancel: idle.Token).ConfigureAwait(false),
            StorageStream.PieceBytes);

    private async Task FirstAsync(Func<Uri, CancellationTokenSource, Task> attempt, CancellationToken cancel)
    {
        Exception? refused = null;
        foreach (var silo in silos)
        {
            using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            idle.CancelAfter(IdleTime);
            try
            {
                await attempt(silo, idle).ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException still) when (!cancel.IsCancellationRequested)
            {
                refused = new HttpRequestException($"{silo} neither took nor gave a byte for {IdleTime.TotalSeconds:0.#} s", still);
            }
            catch (Exception e) when (e is HttpRequestException or IOException && !cancel.IsCancellationRequested)
            {
                // The next silo may be there, or have it. That there is none anywhere is said only where every silo has said so.
                refused = refused is null or HttpRequestException { StatusCode: HttpStatusCode.NotFound } ? e : refused;
            }
        }

        throw refused!;
    }
}
